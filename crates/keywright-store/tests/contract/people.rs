//! Users, memberships, sessions and invitations.

use keywright_core::change::{Change, Edit, InvitationOperation, SessionOperation, SessionTokens};
use keywright_core::user::{Membership, PasswordHash, TenantRole, User};
use keywright_store::{Member, PageRequest, Start, StoreError, Total, UserSort};

use crate::fixture::{Fixture, NOW, change, contract};
use crate::keys::join_all;
use crate::samples::{Samples, create_tenant, create_user, join};

contract!(
    a_user_is_found_and_keeps_the_password,
    passwords_are_counted_by_what_they_begin_with,
    members_are_listed_searched_and_paged,
    a_membership_changes_only_from_what_it_was,
    of_racing_renewals_one_wins_and_reuse_is_seen,
    a_cookie_is_extended_or_replaced,
    sessions_end_with_their_user,
    an_invitation_is_accepted_once,
    a_platform_admin_counts_while_enabled,
    of_two_owners_who_leave_at_once_one_stays,
    a_user_is_held_only_as_decided_on,
);

async fn a_user_is_found_and_keeps_the_password(fixture: &Fixture) {
    let mut samples = Samples::new(60);
    let user = samples.user("ada@example.com");
    let password = PasswordHash::new("$argon2id$...".into());
    let creation = Change::User(Edit::create(user.clone()), Some(password.clone()));
    fixture.change(&[creation.clone()]).await;
    let mut admin = user.clone();
    admin.platform_admin = true;
    admin.name = Some("Ada".into());
    admin.version = 2;
    let update = Change::User(Edit::update(user.clone(), admin.clone()), None);
    fixture.change(&[update.clone()]).await;
    let store = &fixture.store;
    let record = store.user(user.id).await.unwrap().unwrap();
    assert_eq!(
        (record.user.clone(), record.password.clone()),
        (admin.clone(), Some(password))
    );
    assert_eq!(
        store.user_by_email("ada@example.com").await.unwrap(),
        Some(record)
    );
    assert_eq!(
        store.user_by_email("nobody@example.com\0").await.unwrap(),
        None
    );
    assert!(matches!(
        fixture.try_change(&[update]).await,
        Err(StoreError::Conflict)
    ));

    let twin = samples.user("ada@example.com");
    let refused = fixture.try_change(&[create_user(&twin)]).await;
    assert!(matches!(
        refused,
        Err(StoreError::Duplicate {
            what: "e-mail address"
        })
    ));
    let other = PasswordHash::new("other".into());
    let mut third = admin.clone();
    third.version = 3;
    fixture
        .change(&[Change::User(
            Edit::update(admin, third),
            Some(other.clone()),
        )])
        .await;
    assert_eq!(
        store.user(user.id).await.unwrap().unwrap().password,
        Some(other)
    );
}

async fn passwords_are_counted_by_what_they_begin_with(fixture: &Fixture) {
    let mut samples = Samples::new(69);
    for (email, stored) in [("a@b.example", "v1$1$x"), ("c@d.example", "v1$12$x")] {
        let user = samples.user(email);
        let password = PasswordHash::new(stored.into());
        fixture
            .change(&[Change::User(Edit::create(user), Some(password))])
            .await;
    }
    fixture
        .change(&[create_user(&samples.user("none@b.example"))])
        .await;
    let count = async |prefix: &str| fixture.store.count_passwords(prefix).await.unwrap();
    assert_eq!(count("v1$1$").await, 1, "pepper 1 is not pepper 12");
    assert_eq!(count("v1$12$").await, 1);
    assert_eq!(count("v1$%").await, 0, "no wildcards");
}

async fn members_are_listed_searched_and_paged(fixture: &Fixture) {
    let mut samples = Samples::new(61);
    let tenant = samples.tenant("acme");
    let mut changes = vec![create_tenant(&tenant)];
    let mut members = Vec::new();
    for number in 0..12 {
        let mut user = samples.user(&format!("user{number:02}@example.com"));
        user.name = (number % 2 == 0).then(|| format!("Person_{number}"));
        user.created_at = NOW.plus_milliseconds(-number);
        changes.push(create_user(&user));
        if number != 3 {
            let role = *samples.one_of(&TenantRole::ALL);
            changes.push(join(tenant.id, user.id, role));
            members.push(Member {
                user,
                role: Some(role),
            });
        }
    }
    fixture.change(&changes).await;
    let store = &fixture.store;
    let pages = async |tenant, search, sort, descending| {
        let (mut found, mut start) = (Vec::new(), Start::Offset(0));
        loop {
            let request = PageRequest {
                sort,
                descending,
                start,
                limit: 5,
            };
            let page = store.users_page(tenant, search, &request).await.unwrap();
            found.extend(page.items);
            let Some(next) = page.next else {
                return (found, page.total);
            };
            start = Start::After(next);
        }
    };
    let (found, total) = pages(Some(tenant.id), None, UserSort::Email, false).await;
    assert_eq!((&found, total), (&members, Total::Exact(11)));
    let (found, _) = pages(Some(tenant.id), None, UserSort::CreatedAt, false).await;
    let mut expected = members.clone();
    expected.reverse();
    assert_eq!(found, expected);
    let (found, total) = pages(None, None, UserSort::Email, true).await;
    assert_eq!((found.len(), total), (12, Total::Exact(12)));
    assert!(found.iter().all(|member| member.role.is_none()));
    for (search, count) in [("PERSON_", 6), ("user1", 2), ("%", 0), ("\0person_4", 1)] {
        let (found, _) = pages(Some(tenant.id), Some(search), UserSort::Email, false).await;
        assert_eq!(found.len(), count, "{search:?}");
    }
}

async fn a_membership_changes_only_from_what_it_was(fixture: &Fixture) {
    let mut samples = Samples::new(62);
    let (tenant, user) = (samples.tenant("acme"), samples.user("ada@example.com"));
    let member = |role| Membership {
        tenant: tenant.id,
        user: user.id,
        role,
    };
    let (low, high) = (member(TenantRole::Member), member(TenantRole::Admin));
    fixture
        .change(&[
            create_tenant(&tenant),
            create_user(&user),
            Change::Membership(Edit::create(low.clone())),
        ])
        .await;
    let raise = Change::Membership(Edit::update(low.clone(), high.clone()));
    fixture.change(&[raise.clone()]).await;
    assert_eq!(
        fixture.store.memberships(user.id).await.unwrap(),
        [high.clone()]
    );
    for late in [raise, Change::Membership(Edit::delete(low.clone()))] {
        assert!(matches!(
            fixture.try_change(&[late]).await,
            Err(StoreError::Conflict)
        ));
    }
    let again = fixture
        .try_change(&[Change::Membership(Edit::create(low))])
        .await;
    assert!(
        matches!(again, Err(StoreError::Duplicate { what: "member" })),
        "{again:?}"
    );
    fixture
        .change(&[Change::Membership(Edit::delete(high))])
        .await;
    assert_eq!(fixture.store.memberships(user.id).await.unwrap(), []);
}

/// Trust V7: a refresh token that is used twice at once must not start two lines of tokens.
async fn of_racing_renewals_one_wins_and_reuse_is_seen(fixture: &Fixture) {
    let mut samples = Samples::new(63);
    let user = samples.user("ada@example.com");
    let session = samples.session(user.id);
    let first = samples.tokens();
    let sign_in = Change::Session(
        SessionOperation::SignIn,
        session.clone().into(),
        Some(first),
    );
    fixture.change(&[create_user(&user), sign_in]).await;
    let racers: Vec<SessionTokens> = (0..8)
        .map(|_| SessionTokens {
            replaces: first.refresh,
            ..samples.tokens()
        })
        .collect();
    let renewals = racers.iter().map(|tokens| {
        let (store, session, tokens) = (fixture.store.clone(), session.clone(), *tokens);
        async move {
            let renew = Change::Session(SessionOperation::Renew, session.into(), Some(tokens));
            change(&store, &[renew]).await.map(|_| tokens)
        }
    });
    let results = join_all(renewals.collect()).await;
    let winners: Vec<_> = results
        .iter()
        .filter_map(|result| result.as_ref().ok())
        .collect();
    assert_eq!(winners.len(), 1);
    let lost = results
        .iter()
        .filter(|it| matches!(it, Err(StoreError::Conflict)))
        .count();
    assert_eq!(lost, 7);

    let store = &fixture.store;
    let winner = winners[0];
    let current = store
        .session_by_refresh(&winner.refresh.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(!current.reused && current.session == session);
    let reused = store
        .session_by_refresh(&first.refresh.unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(reused.reused && reused.session.id == session.id);
    assert_eq!(
        store.session_by_access(&winner.access).await.unwrap(),
        Some(session.clone())
    );
    assert_eq!(store.session_by_access(&first.access).await.unwrap(), None);
    assert_eq!(
        store.session_by_refresh(&samples.digest()).await.unwrap(),
        None
    );
}

async fn a_cookie_is_extended_or_replaced(fixture: &Fixture) {
    let mut samples = Samples::new(64);
    let user = samples.user("ada@example.com");
    let mut session = samples.session(user.id);
    session.carrier = keywright_core::user::Carrier::Cookie;
    session.origin = None;
    let tokens = SessionTokens {
        access: samples.digest(),
        refresh: None,
        replaces: None,
    };
    let sign_in = Change::Session(
        SessionOperation::SignIn,
        session.clone().into(),
        Some(tokens),
    );
    fixture.change(&[create_user(&user), sign_in]).await;
    session.access_expires_at = NOW.plus_days(2);
    session.renewed_at = NOW.plus_days(1);
    let extend = Change::Session(SessionOperation::Renew, session.clone().into(), None);
    fixture.change(&[extend]).await;
    let store = &fixture.store;
    assert_eq!(
        store.session_by_access(&tokens.access).await.unwrap(),
        Some(session.clone())
    );
    let next = SessionTokens {
        access: samples.digest(),
        refresh: None,
        replaces: Some(tokens.access),
    };
    let replace = Change::Session(SessionOperation::Renew, session.clone().into(), Some(next));
    fixture.change(&[replace.clone()]).await;
    assert!(matches!(
        fixture.try_change(&[replace]).await,
        Err(StoreError::Conflict)
    ));
    assert_eq!(
        store.session_by_access(&next.access).await.unwrap(),
        Some(session.clone())
    );
    for incomplete in [
        Change::Session(SessionOperation::SignIn, session.clone().into(), None),
        Change::Session(SessionOperation::Renew, session.into(), Some(tokens)),
    ] {
        assert!(matches!(
            fixture.try_change(&[incomplete]).await,
            Err(StoreError::Other(_))
        ));
    }
}

async fn sessions_end_with_their_user(fixture: &Fixture) {
    let mut samples = Samples::new(65);
    let user = samples.user("ada@example.com");
    let (mut older, newer) = (samples.session(user.id), samples.session(user.id));
    older.created_at = NOW.plus_milliseconds(-5);
    let mut changes = vec![create_user(&user)];
    for session in [&older, &newer] {
        let tokens = Some(samples.tokens());
        changes.push(Change::Session(
            SessionOperation::SignIn,
            session.clone().into(),
            tokens,
        ));
    }
    fixture.change(&changes).await;
    let store = &fixture.store;
    assert_eq!(
        store.sessions_of(user.id).await.unwrap(),
        [newer.clone(), older.clone()]
    );
    let end = Change::Session(SessionOperation::End, newer.into(), None);
    fixture.change(&[end.clone()]).await;
    assert!(matches!(
        fixture.try_change(&[end]).await,
        Err(StoreError::Conflict)
    ));
    assert_eq!(store.sessions_of(user.id).await.unwrap(), [older.clone()]);
    fixture
        .change(&[Change::User(Edit::delete(user.clone()), None)])
        .await;
    assert_eq!(store.session(older.id).await.unwrap(), None);
    assert_eq!(store.user(user.id).await.unwrap(), None);
}

async fn an_invitation_is_accepted_once(fixture: &Fixture) {
    let mut samples = Samples::new(66);
    let tenant = samples.tenant("acme");
    let (first, second) = (
        samples.invitation(Some(tenant.id)),
        samples.invitation(Some(tenant.id)),
    );
    let mut set_up = samples.invitation(None);
    set_up.email = None;
    let digest = samples.digest();
    let invite = |invitation: &keywright_core::user::Invitation, digest| {
        Change::Invitation(
            InvitationOperation::Create,
            invitation.clone().into(),
            digest,
        )
    };
    fixture
        .change(&[
            create_tenant(&tenant),
            invite(&first, Some(digest)),
            invite(&second, Some(samples.digest())),
            invite(&set_up, Some(samples.digest())),
        ])
        .await;
    let bare = fixture.try_change(&[invite(&first, None)]).await;
    assert!(matches!(bare, Err(StoreError::Other(_))));
    let store = &fixture.store;
    assert_eq!(
        store.invitation_by_token(&digest).await.unwrap(),
        Some(first.clone())
    );
    let mut both = store.invitations(Some(tenant.id)).await.unwrap();
    both.sort_by_key(|invitation| invitation.id != first.id);
    assert_eq!(both, [first.clone(), second.clone()]);
    assert_eq!(store.invitations(None).await.unwrap(), [set_up]);

    let accept = |operation| {
        let (store, first) = (fixture.store.clone(), first.clone());
        async move { change(&store, &[Change::Invitation(operation, first.into(), None)]).await }
    };
    let racers = (0..6).map(|racer| {
        accept(if racer % 2 == 0 {
            InvitationOperation::Accept
        } else {
            InvitationOperation::Withdraw
        })
    });
    let results = join_all(racers.collect()).await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert_eq!(store.invitation_by_token(&digest).await.unwrap(), None);
}

async fn a_platform_admin_counts_while_enabled(fixture: &Fixture) {
    let mut samples = Samples::new(67);
    let (user, mut admin) = (
        samples.user("ada@example.com"),
        samples.user("root@example.com"),
    );
    fixture.change(&[create_user(&user)]).await;
    assert!(!fixture.store.has_platform_admin().await.unwrap());
    admin.platform_admin = true;
    fixture.change(&[create_user(&admin)]).await;
    assert!(fixture.store.has_platform_admin().await.unwrap());
    let mut disabled = admin.clone();
    (disabled.disabled_at, disabled.version) = (Some(NOW), 2);
    fixture
        .change(&[Change::User(Edit::update(admin, disabled), None)])
        .await;
    assert!(!fixture.store.has_platform_admin().await.unwrap());
}

async fn of_two_owners_who_leave_at_once_one_stays(fixture: &Fixture) {
    let mut samples = Samples::new(99);
    for round in 0..8 {
        let tenant = samples.tenant(&format!("acme-{round}"));
        let users = [0, 1].map(|index| samples.user(&format!("{round}-{index}@example.com")));
        let leaves = |user: &User| {
            Change::Membership(Edit::delete(Membership {
                tenant: tenant.id,
                user: user.id,
                role: TenantRole::Owner,
            }))
        };
        fixture.change(&[create_tenant(&tenant)]).await;
        for user in &users {
            let joins = join(tenant.id, user.id, TenantRole::Owner);
            fixture.change(&[create_user(user), joins]).await;
        }
        let leaving = users.iter().enumerate().map(|(index, user)| {
            let disabled = User {
                disabled_at: Some(NOW),
                version: 2,
                ..user.clone()
            };
            let switched_off = Change::User(Edit::update(user.clone(), disabled), None);
            // Of some both go, of some one is disabled.
            let leaving = if round % 4 == index {
                switched_off
            } else {
                leaves(user)
            };
            let store = fixture.store.clone();
            async move { change(&store, &[leaving]).await.is_ok() }
        });
        let left = join_all(leaving.collect()).await;
        assert_eq!(
            left.iter().filter(|left| **left).count(),
            1,
            "round {round}"
        );
        // Whoever is left cannot go either way.
        for user in &users {
            drop(fixture.try_change(&[leaves(user)]).await);
        }
        let request = PageRequest::newest(UserSort::Email, 10);
        let members = fixture.store.users_page(Some(tenant.id), None, &request);
        let members = members.await.unwrap().items;
        let active = members.iter().filter(|it| it.user.disabled_at.is_none());
        assert_eq!(active.count(), 1, "round {round}");
    }
}

async fn a_user_is_held_only_as_decided_on(fixture: &Fixture) {
    let mut samples = Samples::new(98);
    let user = samples.user("ada@example.com");
    fixture.change(&[create_user(&user)]).await;
    let hold = async |version| {
        let mut tx = fixture.store.begin().await.unwrap();
        tx.hold_user(user.id, version).await
    };
    assert!(hold(1).await.is_ok());
    assert!(matches!(hold(2).await, Err(StoreError::Conflict)));
    let unknown = samples.user("eve@example.com");
    let mut tx = fixture.store.begin().await.unwrap();
    assert!(matches!(
        tx.hold_user(unknown.id, 1).await,
        Err(StoreError::Conflict)
    ));
}
