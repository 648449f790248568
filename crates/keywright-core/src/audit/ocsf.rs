//! What an action is in OCSF, the common schema of security events: class and activity, as pure data
//! for an export. What the event's members are is the export's business.

/// A class of events and an activity in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct OcsfClass {
    /// Such as 3004, Entity Management.
    pub class_uid: u32,
    /// Such as 1, Create.
    pub activity_id: u32,
}

const ACCOUNT_CHANGE: u32 = 3001;
const AUTHENTICATION: u32 = 3002;
const ENTITY_MANAGEMENT: u32 = OcsfClass::ENTITY_MANAGEMENT;
const USER_ACCESS: u32 = 3005;
const API_ACTIVITY: u32 = OcsfClass::API_ACTIVITY;
/// In every class: an activity that the class has no number for.
const OTHER: u32 = 99;

impl OcsfClass {
    /// Something that is managed was made, changed or removed.
    pub const ENTITY_MANAGEMENT: u32 = 3004;
    /// Something was asked of the API.
    pub const API_ACTIVITY: u32 = 6003;

    /// `category_uid`: the thousands of the class, such as 3, Identity and Access Management.
    #[must_use]
    pub const fn category_uid(self) -> u32 {
        self.class_uid / 1_000
    }

    /// `type_uid`: the class and the activity as one number.
    #[must_use]
    pub const fn type_uid(self) -> u32 {
        self.class_uid * 100 + self.activity_id
    }
}

/// The class of an audit action. An action that has none is an API activity of another kind.
#[must_use]
pub fn ocsf_class(action: &str) -> OcsfClass {
    let (class_uid, activity_id) = match action {
        "create_user" => (ACCOUNT_CHANGE, 1),
        "delete_user" => (ACCOUNT_CHANGE, 6),
        "update_user" => (ACCOUNT_CHANGE, OTHER),
        // A refused sign-in is a sign-in whose status is "failure".
        "sign_in" | "sign_in_failed" => (AUTHENTICATION, 1),
        "end_session" => (AUTHENTICATION, 2),
        "renew_session" => (AUTHENTICATION, OTHER),
        "add_member" | "update_member" => (USER_ACCESS, 1),
        "remove_member" => (USER_ACCESS, 2),
        "create_key" | "create_tenant" | "create_scope" | "create_role" | "create_plan"
        | "create_invitation" | "create_signing_key" => (ENTITY_MANAGEMENT, 1),
        "update_key"
        | "update_tenant"
        | "update_scope"
        | "update_role"
        | "update_plan"
        | "update_signing_key"
        | "enable_request_signing"
        | "rotate_root"
        | "rotate_pepper"
        | "accept_invitation" => (ENTITY_MANAGEMENT, 3),
        "delete_key"
        | "delete_tenant"
        | "delete_scope"
        | "delete_role"
        | "delete_plan"
        | "withdraw_invitation"
        | "delete_signing_key"
        | "drop_root"
        | "drop_pepper" => (ENTITY_MANAGEMENT, 4),
        "enable_key" => (ENTITY_MANAGEMENT, 8),
        // OCSF knows no end for good; a revoked key is a disabled one that no enabling follows.
        "disable_key" | "revoke_key" => (ENTITY_MANAGEMENT, 9),
        "export_audit" | "list_audit" => (API_ACTIVITY, 2),
        _ => (API_ACTIVITY, OTHER),
    };
    OcsfClass {
        class_uid,
        activity_id,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::key::KeyOperation;

    #[test]
    fn actions_have_their_classes() {
        for (action, type_uid) in [
            ("create_key", 300_401),
            ("revoke_key", 300_409),
            ("sign_in", 300_201),
            ("sign_in_failed", 300_201),
            ("end_session", 300_202),
            ("delete_user", 300_106),
            ("remove_member", 300_502),
            ("export_audit", 600_302),
            ("something_new", 600_399),
        ] {
            assert_eq!(ocsf_class(action).type_uid(), type_uid, "{action}");
        }
    }

    #[test]
    fn every_operation_on_a_key_has_an_activity_of_entity_management() {
        for operation in KeyOperation::ALL {
            let class = ocsf_class(operation.as_str());
            assert_eq!(class.class_uid, ENTITY_MANAGEMENT, "{operation:?}");
            assert_ne!(class.activity_id, OTHER, "{operation:?}");
        }
    }
}
