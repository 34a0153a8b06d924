/// Gives memory back to the system as soon as it is free: for programs that look again and again at many sockets. glibc keeps ever
/// larger blocks for itself once such were freed (mallopt(3), the dynamic mmap threshold), which with 50,000 sockets is as much
/// as all that is in use. To be called first in `main`. Elsewhere it does nothing.
pub fn give_memory_back() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const BLOCK: libc::c_int = 128 << 10;
        // SAFETY: it takes no pointers, and any number; which of them it refuses makes no difference to anybody.
        unsafe { libc::mallopt(libc::M_MMAP_THRESHOLD, BLOCK) };
    }
}
