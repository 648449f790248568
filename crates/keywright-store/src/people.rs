//! Users, their roles in tenants, their sessions and invitations.

use keywright_core::id::{SessionId, TenantId, UserId};
use keywright_core::time::Timestamp;
use keywright_core::token::digest::Digest;
use keywright_core::user::{
    Carrier, Invitation, Membership, PasswordHash, Session, TenantRole, User,
};
use sqlx::{FromRow, QueryBuilder};

use crate::connection::{Open, within};
use crate::database::reading;
use crate::decode::{self, Place};
use crate::error::StoreError;
use crate::page::{self, COUNT_MAX, Cursor, CursorValue, Page, PageRequest, Start, Total};
use crate::store::Store;
use crate::tx::Tx;

/// A user with the password's verifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UserRecord {
    /// The user.
    pub user: User,
    /// The verifier of the password, if one was set.
    pub password: Option<PasswordHash>,
}

/// A user as a member of a tenant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Member {
    /// The user.
    pub user: User,
    /// The role in the tenant; `None` in the list of all users.
    pub role: Option<TenantRole>,
}

/// The session of a refresh token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefreshedSession {
    /// The session.
    pub session: Session,
    /// The token was replaced already: somebody else has it too, so the session should end (trust V7).
    pub reused: bool,
}

/// What a list of users is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserSort {
    /// The e-mail address.
    #[default]
    Email,
    /// When the user was made.
    CreatedAt,
}

#[derive(FromRow)]
struct UserRow {
    id: String,
    email: String,
    name: Option<String>,
    platform_admin: bool,
    disabled_at: Option<i64>,
    created_at: i64,
    version: i64,
    password: Option<String>,
}

#[derive(FromRow)]
struct MemberRow {
    #[sqlx(flatten)]
    user: UserRow,
    role: Option<String>,
}

#[derive(FromRow)]
struct MembershipRow {
    tenant: String,
    user_id: String,
    role: String,
}

#[derive(FromRow)]
struct SessionRow {
    id: String,
    user_id: String,
    carrier: String,
    created_at: i64,
    renewed_at: i64,
    access_expires_at: i64,
    expires_at: i64,
    origin: Option<Vec<u8>>,
    reused: bool,
}

#[derive(FromRow)]
struct InvitationRow {
    id: String,
    tenant: Option<String>,
    email: Option<String>,
    role: String,
    created_at: i64,
    expires_at: i64,
}

/// The columns of [`SessionRow`] but the last.
macro_rules! session_columns {
    () => {
        "SELECT id, user_id, carrier, created_at, renewed_at, access_expires_at, expires_at, origin, "
    };
}

/// The columns of [`InvitationRow`].
macro_rules! invitation_columns {
    () => {
        "SELECT id, tenant, email, role, created_at, expires_at FROM invitations "
    };
}

impl MemberRow {
    fn member(self) -> Result<Member, StoreError> {
        let at = Place {
            table: "memberships",
            row: &self.user.id,
        };
        let role = self
            .role
            .as_deref()
            .map(|it| at.named("role", TenantRole::from_name(it)));
        Ok(Member {
            role: role.transpose()?,
            user: self.user.record()?.user,
        })
    }
}

/// The members of a tenant, or all users, that a search finds.
macro_rules! push_members {
    ($query:ident, $tenant:expr, $term:expr) => {
        match $tenant {
            Some(tenant) => {
                $query.push(" JOIN memberships m ON m.user_id = u.id WHERE m.tenant = ");
                $query.push_bind(tenant.as_str());
            }
            None => {
                $query.push(" WHERE 1 = 1");
            }
        }
        $query
            .push(" AND (u.email LIKE ")
            .push_bind($term)
            .push(" ESCAPE '\\' OR LOWER(u.name) LIKE ");
        $query.push_bind($term).push(" ESCAPE '\\')");
    };
}

impl UserRow {
    fn record(self) -> Result<UserRecord, StoreError> {
        let at = Place {
            table: "users",
            row: &self.id,
        };
        Ok(UserRecord {
            password: self.password.map(PasswordHash::new),
            user: User {
                id: at.parse("id", &self.id)?,
                email: self.email,
                name: self.name,
                platform_admin: self.platform_admin,
                disabled_at: decode::moment(self.disabled_at),
                created_at: Timestamp::from_milliseconds(self.created_at),
                version: at.count("version", self.version)?,
            },
        })
    }
}

impl SessionRow {
    fn session(self) -> Result<Session, StoreError> {
        let at = Place {
            table: "sessions",
            row: &self.id,
        };
        let carrier = match self.carrier.as_str() {
            "bearer" => Carrier::Bearer,
            "cookie" => Carrier::Cookie,
            _ => return Err(at.inconsistent("carrier")),
        };
        Ok(Session {
            id: at.parse("id", &self.id)?,
            user: at.parse("user_id", &self.user_id)?,
            carrier,
            created_at: Timestamp::from_milliseconds(self.created_at),
            renewed_at: Timestamp::from_milliseconds(self.renewed_at),
            access_expires_at: Timestamp::from_milliseconds(self.access_expires_at),
            expires_at: Timestamp::from_milliseconds(self.expires_at),
            origin: self.origin,
        })
    }
}

impl InvitationRow {
    fn invitation(self) -> Result<Invitation, StoreError> {
        let at = Place {
            table: "invitations",
            row: &self.id,
        };
        Ok(Invitation {
            id: at.parse("id", &self.id)?,
            tenant: at.parse_optional("tenant", self.tenant.as_deref())?,
            email: self.email,
            role: at.named("role", TenantRole::from_name(&self.role))?,
            created_at: Timestamp::from_milliseconds(self.created_at),
            expires_at: Timestamp::from_milliseconds(self.expires_at),
        })
    }
}

impl Tx {
    /// Makes sure that a user is as decided on until the transaction ends.
    ///
    /// # Errors
    /// [`StoreError::Conflict`] when the user has another version, or is gone.
    pub async fn hold_user(&mut self, user: UserId, version: u64) -> Result<(), StoreError> {
        let select = match self.writer.transaction {
            Open::Lite(_) => "SELECT version FROM users WHERE id = $1",
            Open::Pg(_) => "SELECT version FROM users WHERE id = $1 FOR SHARE",
        };
        let found: Option<i64> = within!(&mut self.writer, connection => sqlx::query_scalar(select)
            .bind(user.to_string())
            .fetch_optional(connection)
            .await?);
        if found == Some(decode::number(version)) {
            Ok(())
        } else {
            Err(StoreError::Conflict)
        }
    }
}

impl Store {
    /// A user.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn user(&self, id: UserId) -> Result<Option<UserRecord>, StoreError> {
        let row: Option<UserRow> = reading!(self, pool => sqlx::query_as(
            "SELECT id, email, name, platform_admin, disabled_at, created_at, version, password \
             FROM users WHERE id = $1",
        )
        .bind(id.to_string())
        .fetch_optional(pool)
        .await)?;
        row.map(UserRow::record).transpose()
    }

    /// The user of an e-mail address in its normal form.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn user_by_email(&self, email: &str) -> Result<Option<UserRecord>, StoreError> {
        let row: Option<UserRow> = reading!(self, pool => sqlx::query_as(
            "SELECT id, email, name, platform_admin, disabled_at, created_at, version, password \
             FROM users WHERE email = $1",
        )
        .bind(email.replace('\0', ""))
        .fetch_optional(pool)
        .await)?;
        row.map(UserRow::record).transpose()
    }

    /// Whether anybody administers the installation.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn has_platform_admin(&self) -> Result<bool, StoreError> {
        let found: Option<i64> = reading!(self, pool => sqlx::query_scalar(
            "SELECT CAST(1 AS BIGINT) FROM users WHERE platform_admin AND disabled_at IS NULL LIMIT 1",
        )
        .fetch_optional(pool)
        .await)?;
        Ok(found.is_some())
    }

    /// What a user is in which tenants.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn memberships(&self, user: UserId) -> Result<Vec<Membership>, StoreError> {
        let rows: Vec<MembershipRow> = reading!(self, pool => sqlx::query_as(
            "SELECT tenant, user_id, role FROM memberships WHERE user_id = $1 ORDER BY tenant",
        )
        .bind(user.to_string())
        .fetch_all(pool)
        .await)?;
        let membership = |row: MembershipRow| {
            let at = Place {
                table: "memberships",
                row: &row.user_id,
            };
            Ok(Membership {
                tenant: at.parse("tenant", &row.tenant)?,
                user: at.parse("user_id", &row.user_id)?,
                role: at.named("role", TenantRole::from_name(&row.role))?,
            })
        };
        rows.into_iter().map(membership).collect()
    }

    /// A page of the members of a tenant, or without one of all users, whose address or name holds
    /// `search`.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn users_page(
        &self,
        tenant: Option<TenantId>,
        search: Option<&str>,
        request: &PageRequest<UserSort>,
    ) -> Result<Page<Member>, StoreError> {
        let term = page::anywhere(&search.unwrap_or_default().to_lowercase());
        let tenant = tenant.map(|tenant| tenant.to_string());
        let counted: i64 = reading!(self, pool => {
            let mut query = QueryBuilder::new("SELECT COUNT(*) FROM (SELECT 1 FROM users u");
            push_members!(query, &tenant, &term);
            query.push(" LIMIT ").push_bind(decode::number(COUNT_MAX + 1)).push(") AS counted");
            query.build_query_scalar().fetch_one(pool).await
        })?;
        let column = match request.sort {
            UserSort::Email => "u.email",
            UserSort::CreatedAt => "u.created_at",
        };
        let role = if tenant.is_some() {
            "m.role"
        } else {
            "CAST(NULL AS TEXT) AS role"
        };
        let rows: Vec<MemberRow> = reading!(self, pool => {
            let mut query = QueryBuilder::new(
                "SELECT u.id, u.email, u.name, u.platform_admin, u.disabled_at, u.created_at, \
                 u.version, u.password, ",
            );
            query.push(role).push(" FROM users u");
            push_members!(query, &tenant, &term);
            if let Start::After(Cursor { value, id }) = &request.start {
                query.push(format_args!(" AND ({column}, u.id) {} (", request.beyond()));
                match value {
                    CursorValue::Number(number) => query.push_bind(*number),
                    CursorValue::Text(text) => query.push_bind(text.replace('\0', "")),
                };
                query.push(", ").push_bind(id.replace('\0', "")).push(")");
            }
            let direction = request.direction();
            query.push(format_args!(" ORDER BY {column} {direction}, u.id {direction} LIMIT "));
            query.push_bind(request.fetch()).push(" OFFSET ").push_bind(request.offset());
            query.build_query_as().fetch_all(pool).await
        })?;
        let members = rows
            .into_iter()
            .map(MemberRow::member)
            .collect::<Result<Vec<_>, StoreError>>()?;
        Ok(page::cut(
            members,
            request.rows(),
            Total::bounded(counted),
            |member| Cursor {
                value: match request.sort {
                    UserSort::Email => CursorValue::Text(member.user.email.clone()),
                    UserSort::CreatedAt => {
                        CursorValue::Number(member.user.created_at.milliseconds())
                    }
                },
                id: member.user.id.to_string(),
            },
        ))
    }

    /// The session of an access token or cookie, whether it still runs or not.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn session_by_access(&self, digest: &Digest) -> Result<Option<Session>, StoreError> {
        let row: Option<SessionRow> = reading!(self, pool => sqlx::query_as(concat!(
            session_columns!(), "FALSE AS reused FROM sessions WHERE access_digest = $1",
        ))
        .bind(digest.as_bytes().as_slice())
        .fetch_optional(pool)
        .await)?;
        row.map(SessionRow::session).transpose()
    }

    /// The session of a refresh token, or of the one that the last renewal replaced.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn session_by_refresh(
        &self,
        digest: &Digest,
    ) -> Result<Option<RefreshedSession>, StoreError> {
        let row: Option<SessionRow> = reading!(self, pool => sqlx::query_as(concat!(
            session_columns!(),
            "COALESCE(refresh_digest <> $1, TRUE) AS reused FROM sessions \
             WHERE refresh_digest = $1 OR former_refresh_digest = $1",
        ))
        .bind(digest.as_bytes().as_slice())
        .fetch_optional(pool)
        .await)?;
        row.map(|row| {
            let reused = row.reused;
            Ok(RefreshedSession {
                session: row.session()?,
                reused,
            })
        })
        .transpose()
    }

    /// A session.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn session(&self, id: SessionId) -> Result<Option<Session>, StoreError> {
        let row: Option<SessionRow> = reading!(self, pool => sqlx::query_as(concat!(
            session_columns!(), "FALSE AS reused FROM sessions WHERE id = $1",
        ))
        .bind(id.to_string())
        .fetch_optional(pool)
        .await)?;
        row.map(SessionRow::session).transpose()
    }

    /// The sessions of a user, the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn sessions_of(&self, user: UserId) -> Result<Vec<Session>, StoreError> {
        let rows: Vec<SessionRow> = reading!(self, pool => sqlx::query_as(concat!(
            session_columns!(),
            "FALSE AS reused FROM sessions WHERE user_id = $1 ORDER BY created_at DESC, id DESC",
        ))
        .bind(user.to_string())
        .fetch_all(pool)
        .await)?;
        rows.into_iter().map(SessionRow::session).collect()
    }

    /// The invitation of a token, whether it still runs or not.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn invitation_by_token(
        &self,
        digest: &Digest,
    ) -> Result<Option<Invitation>, StoreError> {
        let row: Option<InvitationRow> = reading!(self, pool => sqlx::query_as(concat!(
            invitation_columns!(), "WHERE token_digest = $1",
        ))
        .bind(digest.as_bytes().as_slice())
        .fetch_optional(pool)
        .await)?;
        row.map(InvitationRow::invitation).transpose()
    }

    /// The invitations to a tenant (without one: to the platform), the newest first.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn invitations(
        &self,
        tenant: Option<TenantId>,
    ) -> Result<Vec<Invitation>, StoreError> {
        // `''` is no tenant's identifier: it stands for "none" in both comparisons.
        let rows: Vec<InvitationRow> = reading!(self, pool => sqlx::query_as(concat!(
            invitation_columns!(),
            "WHERE COALESCE(tenant, '') = $1 ORDER BY created_at DESC, id DESC",
        ))
        .bind(tenant.map(|tenant| tenant.to_string()).unwrap_or_default())
        .fetch_all(pool)
        .await)?;
        rows.into_iter().map(InvitationRow::invitation).collect()
    }
}
