//! How each change becomes rows. Every statement names the version (or the value) that the change
//! was decided on, and must touch exactly one row.

mod key;
mod people;
mod request_signing;
mod session;
mod tenant;

use keywright_core::change::Change;

use crate::error::StoreError;
use crate::tx::Tx;

impl Tx {
    pub(crate) async fn apply_one(&mut self, change: &Change) -> Result<(), StoreError> {
        match change {
            Change::Key { change, .. } => self.apply_key(change).await,
            Change::Tenant(edit) => self.apply_tenant(edit).await,
            Change::Scope(tenant, edit) => self.apply_scope(*tenant, edit).await,
            Change::Role(tenant, edit) => self.apply_role(*tenant, edit).await,
            Change::Plan(tenant, edit) => self.apply_plan(*tenant, edit).await,
            Change::User(edit, password) => self.apply_user(edit, password.as_ref()).await,
            Change::Membership(edit) => self.apply_membership(edit).await,
            Change::Session(operation, session, tokens) => {
                self.apply_session(*operation, session, tokens.as_ref())
                    .await
            }
            Change::Invitation(operation, invitation, token) => {
                self.apply_invitation(*operation, invitation, token.as_ref())
                    .await
            }
            Change::RequestSigning(it) => self.apply_request_signing(it).await,
            Change::SigningKey(edit) => self.apply_signing_key(edit).await,
            Change::Event(_) => Ok(()),
        }
    }
}

/// An update that found no row was decided on something that is no more.
pub(crate) const fn one(rows: u64) -> Result<(), StoreError> {
    if rows == 1 {
        Ok(())
    } else {
        Err(StoreError::Conflict)
    }
}
