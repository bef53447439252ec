//! The parts of a server, by the names of functions.

/// What a server does when it is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Part {
    /// The kernel, about connections.
    Network,
    /// The kernel, about files.
    Files,
    /// The kernel, otherwise: threads that wait and wake each other, interrupts.
    Kernel,
    /// SQLite, and what calls it.
    Sqlite,
    /// Signatures and hashes.
    Cryptography,
    /// Taking memory and giving it back.
    Allocation,
    /// Copying and comparing bytes.
    Bytes,
    /// JSON.
    Json,
    /// HTTP: hyper, the router, layers.
    Http,
    /// The runtime: tasks, timers, channels.
    Runtime,
    /// Logging.
    Log,
    /// Our own code.
    Own,
    /// Code of the standard library and of others that was compiled for types of ours and theirs.
    Other,
}

/// What functions of a part have in their name; the first that fits counts.
const NAMES: &[(Part, &[&str])] = &[
    (Part::Cryptography, &["aws_lc", "edwards25519", "ed25519", "argon2", "blake2", "sha256", "sha512", "hmac"]),
    (
        Part::Allocation,
        &["mi_", "malloc", "realloc", "calloc", "_int_free", "cfree", "operator delete", "unlink_chunk"],
    ),
    (Part::Bytes, &["memcpy", "memmove", "memcmp", "memset", "memchr", "strlen"]),
    (Part::Sqlite, &["rusqlite", "sqlite"]),
    (Part::Json, &["serde", "itoa", "ryu"]),
    (Part::Log, &["tracing"]),
    (Part::Own, &["polity"]),
    (Part::Http, &["hyper", "httparse", "http::", "axum", "tower", "matchit"]),
    (Part::Runtime, &["tokio", "mio::", "futures", "oneshot"]),
];

/// Calls of the system about connections, without what is before their name.
const NETWORK: &[&str] = &[
    "writev",
    "readv",
    "recvfrom",
    "sendto",
    "recvmsg",
    "sendmsg",
    "epoll_wait",
    "epoll_ctl",
    "accept4",
    "shutdown",
    "setsockopt",
];

/// Calls of the system about files.
const FILES: &[&str] = &[
    "pread64",
    "pwrite64",
    "fsync",
    "fdatasync",
    "fcntl",
    "newfstat",
    "newfstatat",
    "ftruncate",
    "openat",
    "close",
    "unlink",
];

impl Part {
    /// All of them, as they are listed.
    pub(crate) const ALL: &[Part] = &[
        Part::Network,
        Part::Files,
        Part::Kernel,
        Part::Sqlite,
        Part::Cryptography,
        Part::Allocation,
        Part::Bytes,
        Part::Json,
        Part::Http,
        Part::Runtime,
        Part::Log,
        Part::Own,
        Part::Other,
    ];

    /// Its name in a table.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Part::Network => "kernel, connections",
            Part::Files => "kernel, files",
            Part::Kernel => "kernel, otherwise",
            Part::Sqlite => "SQLite",
            Part::Cryptography => "signatures and hashes",
            Part::Allocation => "allocation",
            Part::Bytes => "copying and comparing bytes",
            Part::Json => "JSON",
            Part::Http => "HTTP",
            Part::Runtime => "runtime",
            Part::Log => "log",
            Part::Own => "our own code",
            Part::Other => "standard library and others, for types of all of these",
        }
    }

    /// That of a function of a program or a library.
    pub(crate) fn of_function(name: &str, file: &str) -> Part {
        let found = NAMES.iter().find(|(_, names)| names.iter().any(|part| name.contains(part)));
        match found {
            Some((part, _)) => *part,
            // Most functions of SQLite have a name of their own: what else is written in C has been found by now.
            None if !name.contains("::") && !name.starts_with('[') && file.contains("polity") => Part::Sqlite,
            None => Part::Other,
        }
    }

    /// That of the kernel in a call of the system, if it tells.
    pub(crate) fn of_call(call: &str) -> Option<Part> {
        match call {
            _ if NETWORK.contains(&call) => Some(Part::Network),
            _ if FILES.contains(&call) => Some(Part::Files),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn functions_are_known_by_their_names() {
        let of = |name| Part::of_function(name, "/bin/polity");
        assert_eq!(of("balance_nonroot"), Part::Sqlite);
        assert_eq!(
            of("<polity_store::organizations::OrganizationRow as polity_store::engine::row::FromRow>"),
            Part::Own
        );
        assert_eq!(of("hyper::proto::h1::dispatch::Dispatcher<D,Bs,I,T>::poll_catch"), Part::Http);
        assert_eq!(of("Ledwards25519_scalarmulbase_scalarloop"), Part::Cryptography);
        assert_eq!(of("_mi_page_malloc_zero"), Part::Allocation);
        assert_eq!(of("core::str::converts::from_utf8"), Part::Other);
        assert_eq!(Part::of_function("pthread_mutex_lock", "/lib/libc.so.6"), Part::Other);
        assert_eq!(Part::of_function("__memmove_avx_unaligned_erms", "/lib/libc.so.6"), Part::Bytes);
    }

    #[test]
    fn each_part_is_listed_once() {
        let mut all = Part::ALL.to_vec();
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), 13);
        assert!(NAMES.iter().all(|(part, _)| Part::ALL.contains(part)));
    }
}
