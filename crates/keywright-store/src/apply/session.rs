//! Sessions and invitations.

use keywright_core::change::{InvitationOperation, SessionOperation, SessionTokens};
use keywright_core::token::digest::Digest;
use keywright_core::user::{Invitation, Session};

use super::one;
use crate::connection::within;
use crate::decode;
use crate::error::StoreError;
use crate::tx::Tx;

impl Tx {
    pub(crate) async fn apply_session(
        &mut self,
        operation: SessionOperation,
        session: &Session,
        tokens: Option<&SessionTokens>,
    ) -> Result<(), StoreError> {
        let rows = match (operation, tokens) {
            (SessionOperation::SignIn, Some(tokens)) => {
                self.insert_session(session, tokens).await?
            }
            (SessionOperation::SignIn, None) => {
                return Err(StoreError::other(
                    "a sign-in comes with the digests of its tokens",
                ));
            }
            (SessionOperation::Renew, Some(tokens)) => self.renew_session(session, tokens).await?,
            (SessionOperation::Renew, None) => self.extend_session(session).await?,
            (SessionOperation::End, _) => within!(&mut self.writer, connection => {
                sqlx::query("DELETE FROM sessions WHERE id = $1")
                    .bind(session.id.to_string())
                    .execute(connection)
                    .await?
                    .rows_affected()
            }),
        };
        one(rows)
    }

    async fn insert_session(
        &mut self,
        session: &Session,
        tokens: &SessionTokens,
    ) -> Result<u64, StoreError> {
        Ok(within!(&mut self.writer, connection => sqlx::query(
            "INSERT INTO sessions (id, user_id, carrier, created_at, renewed_at, access_expires_at, \
             expires_at, origin, access_digest, refresh_digest) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
        )
        .bind(session.id.to_string())
        .bind(session.user.to_string())
        .bind(session.carrier.as_str())
        .bind(session.created_at.milliseconds())
        .bind(session.renewed_at.milliseconds())
        .bind(session.access_expires_at.milliseconds())
        .bind(session.expires_at.milliseconds())
        .bind(session.origin.as_deref())
        .bind(tokens.access.as_bytes().as_slice())
        .bind(tokens.refresh.as_ref().map(|digest| digest.as_bytes().as_slice()))
        .execute(connection)
        .await?
        .rows_affected()))
    }

    /// New tokens for those that they replace: of two renewals with one token, only the first
    /// finds it (trust V7). The replaced one is kept, so that its reuse is noticed.
    async fn renew_session(
        &mut self,
        session: &Session,
        tokens: &SessionTokens,
    ) -> Result<u64, StoreError> {
        let Some(replaced) = tokens.replaces else {
            return Err(StoreError::other(
                "a renewal names the token that it replaces",
            ));
        };
        Ok(within!(&mut self.writer, connection => sqlx::query(
            "UPDATE sessions SET renewed_at = $2, access_expires_at = $3, expires_at = $4, \
             access_digest = $5, refresh_digest = $6, former_refresh_digest = refresh_digest \
             WHERE id = $1 AND COALESCE(refresh_digest, access_digest) = $7",
        )
        .bind(session.id.to_string())
        .bind(session.renewed_at.milliseconds())
        .bind(session.access_expires_at.milliseconds())
        .bind(session.expires_at.milliseconds())
        .bind(tokens.access.as_bytes().as_slice())
        .bind(tokens.refresh.as_ref().map(|digest| digest.as_bytes().as_slice()))
        .bind(replaced.as_bytes().as_slice())
        .execute(connection)
        .await?
        .rows_affected()))
    }

    /// A longer life for the same cookie.
    async fn extend_session(&mut self, session: &Session) -> Result<u64, StoreError> {
        Ok(within!(&mut self.writer, connection => sqlx::query(
            "UPDATE sessions SET renewed_at = $2, access_expires_at = $3, expires_at = $4 WHERE id = $1",
        )
        .bind(session.id.to_string())
        .bind(session.renewed_at.milliseconds())
        .bind(session.access_expires_at.milliseconds())
        .bind(session.expires_at.milliseconds())
        .execute(connection)
        .await?
        .rows_affected()))
    }

    pub(crate) async fn apply_invitation(
        &mut self,
        operation: InvitationOperation,
        invitation: &Invitation,
        token: Option<&Digest>,
    ) -> Result<(), StoreError> {
        let rows = match (operation, token) {
            (InvitationOperation::Create, None) => {
                return Err(StoreError::other(
                    "an invitation comes with its token's digest",
                ));
            }
            (InvitationOperation::Create, Some(token)) => {
                within!(&mut self.writer, connection => sqlx::query(
                    "INSERT INTO invitations (id, tenant, email, role, created_at, expires_at, \
                     token_digest) VALUES ($1, $2, $3, $4, $5, $6, $7)",
                )
                .bind(invitation.id.to_string())
                .bind(invitation.tenant.map(|tenant| tenant.to_string()))
                .bind(invitation.email.as_deref())
                .bind(invitation.role.as_str())
                .bind(invitation.created_at.milliseconds())
                .bind(decode::milliseconds(Some(invitation.expires_at)))
                .bind(token.as_bytes().as_slice())
                .execute(connection)
                .await?
                .rows_affected())
            }
            // Accepted or withdrawn, it works no more: only one of two racers finds the row.
            (InvitationOperation::Accept | InvitationOperation::Withdraw, _) => {
                within!(&mut self.writer, connection => {
                    sqlx::query("DELETE FROM invitations WHERE id = $1")
                        .bind(invitation.id.to_string())
                        .execute(connection)
                        .await?
                        .rows_affected()
                })
            }
        };
        one(rows)
    }
}
