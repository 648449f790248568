//! Users, their roles and invitations.

mod invitations;
mod roles;
mod sessions;
