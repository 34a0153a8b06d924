use std::os::unix::process::CommandExt;
use std::process::Command;

/// A system call that fails: its number, its first argument if that matters, the errno.
pub(crate) type Forbidden = (libc::c_long, Option<libc::c_int>, libc::c_int);

/// Has some system calls fail in the program: seccomp(2).
pub(crate) fn forbid(command: &mut Command, forbidden: &[Forbidden]) {
    let statement =
        |code: u32, value: u32| libc::sock_filter { code: u16::try_from(code).unwrap(), jt: 0, jf: 0, k: value };
    let unless_equal_skip = |value: u32, skip: u8| libc::sock_filter {
        jf: skip,
        ..statement(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, value)
    };
    let load = |offset| statement(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, offset);
    let answer = |action| statement(libc::BPF_RET | libc::BPF_K, action);
    // struct seccomp_data: nr at 0, the low half of args[0] at 16 (at 20 on big-endian machines).
    let first_argument = if cfg!(target_endian = "little") { 16 } else { 20 };
    let mut filter = Vec::new();
    for (number, argument, errno) in forbidden {
        filter.extend([
            load(0),
            unless_equal_skip(u32::try_from(*number).unwrap(), if argument.is_some() { 3 } else { 1 }),
        ]);
        if let Some(argument) = argument {
            filter.extend([load(first_argument), unless_equal_skip(argument.cast_unsigned(), 1)]);
        }
        filter.push(answer(libc::SECCOMP_RET_ERRNO | errno.cast_unsigned()));
    }
    filter.push(answer(libc::SECCOMP_RET_ALLOW));
    let install = move || {
        let program = libc::sock_fprog { len: u16::try_from(filter.len()).unwrap_or(0), filter: filter.as_mut_ptr() };
        // SAFETY: both calls only read their arguments; `program` describes `filter`, which lives until they return.
        let status = unsafe {
            libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
            libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &raw const program)
        };
        if status == 0 { Ok(()) } else { Err(std::io::Error::last_os_error()) }
    };
    // SAFETY: between fork and exec the closure makes two system calls and allocates nothing.
    unsafe { command.pre_exec(install) };
}
