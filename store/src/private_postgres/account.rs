//! Who Postgres runs as. Root hands it to an unprivileged user; anybody else keeps it under their own name.
//!
//! Users are looked up in /etc/passwd and, where they come from elsewhere (LDAP, systemd), through `getent`.

use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;

use super::PrivatePostgresError;

/// How long a name service may take to answer.
const LOOKUP_TIMEOUT: Duration = Duration::from_secs(10);

/// The two users at the ends of the socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Account {
    /// The name of the user whom Postgres runs as.
    pub(super) name: String,
    /// That user's uid.
    pub(super) uid: u32,
    /// That user's primary group.
    pub(super) gid: u32,
    /// Whether Howdah is somebody else (root), so that children must change to that user and files be given to them.
    pub(super) switch: bool,
    /// The name of the user whom Howdah runs as.
    pub(super) howdah: String,
}

impl Account {
    /// The account for Postgres: `user` when Howdah runs as root, otherwise the user who runs Howdah.
    pub(super) async fn resolve(user: &str) -> Result<Self, PrivatePostgresError> {
        let own = rustix::process::geteuid();
        let own_uid = own.as_raw();
        let own_entry = lookup(&Wanted::Uid(own_uid)).await;
        if !own.is_root() {
            let entry = own_entry.ok_or(PrivatePostgresError::NamelessUser { uid: own_uid })?;
            return Ok(Self {
                howdah: entry.name.clone(),
                name: entry.name,
                uid: own_uid,
                gid: entry.gid,
                switch: false,
            });
        }
        let unknown = || PrivatePostgresError::UnknownUser { user: user.to_owned() };
        let entry = lookup(&Wanted::Name(user)).await.ok_or_else(unknown)?;
        if entry.uid == 0 {
            return Err(PrivatePostgresError::RootUser { user: user.to_owned() });
        }
        let howdah = own_entry.map_or_else(|| "root".to_owned(), |own| own.name);
        Ok(Self { name: entry.name, uid: entry.uid, gid: entry.gid, switch: true, howdah })
    }
}

enum Wanted<'a> {
    Name(&'a str),
    Uid(u32),
}

#[derive(Debug, PartialEq, Eq)]
struct Entry {
    name: String,
    uid: u32,
    gid: u32,
}

async fn lookup(wanted: &Wanted<'_>) -> Option<Entry> {
    let local = tokio::fs::read_to_string("/etc/passwd").await.unwrap_or_default();
    if let Some(entry) = find(&local, wanted) {
        return Some(entry);
    }
    let key = match wanted {
        Wanted::Name(name) => (*name).to_owned(),
        Wanted::Uid(uid) => uid.to_string(),
    };
    let mut command = Command::new("getent");
    command.args(["passwd", "--", &key]).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
    let output = tokio::time::timeout(LOOKUP_TIMEOUT, command.output()).await.ok()?.ok()?;
    find(&String::from_utf8_lossy(&output.stdout), wanted)
}

/// The entry of `passwd` (lines `name:password:uid:gid:…`) that is wanted.
fn find(passwd: &str, wanted: &Wanted<'_>) -> Option<Entry> {
    passwd.lines().find_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?;
        let uid = fields.nth(1)?.parse().ok()?;
        let gid = fields.next()?.parse().ok()?;
        let matches = match wanted {
            Wanted::Name(wanted) => name == *wanted,
            Wanted::Uid(wanted) => uid == *wanted,
        };
        matches.then(|| Entry { name: name.to_owned(), uid, gid })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\nbroken\npostgres:x:101:104::/var/lib:/bin/bash\n";

    #[test]
    fn entries_are_found_by_name_and_by_uid() {
        let postgres = Entry { name: "postgres".to_owned(), uid: 101, gid: 104 };
        assert_eq!(find(PASSWD, &Wanted::Name("postgres")), Some(postgres));
        assert_eq!(find(PASSWD, &Wanted::Uid(0)).map(|entry| entry.name), Some("root".to_owned()));
        assert_eq!(find(PASSWD, &Wanted::Name("broken")), None);
        assert_eq!(find(PASSWD, &Wanted::Uid(7)), None);
    }
}
