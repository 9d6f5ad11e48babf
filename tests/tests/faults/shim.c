/* Makes system calls on files below a path fail, as a broken disk does.
 *
 * Loaded with LD_PRELOAD. The environment says what fails:
 *   FAULT_CALL    read, write, fsync or rename
 *   FAULT_ERRNO   the error's number
 *   FAULT_BELOW   the path (not for rename)
 *   FAULT_AFTER   calls that work before one fails; all later ones fail, too (not for rename)
 *   FAULT_HITS    a file that gets a byte for every call that failed (not for rename)
 *
 * Rust's standard library calls read, write and fsync in libc, where this library is in between. Some
 * crates rename by a system call of their own, which no library sees. So all renames of the process
 * are refused by a filter in the kernel.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

static const char *wanted, *below, *hits;
static int error_number;
static long after;
static atomic_long calls;

#define REFUSE(number) \
    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), \
    BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (error_number & SECCOMP_RET_DATA))

static void refuse_renames(void)
{
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef SYS_rename
        REFUSE(SYS_rename),
#endif
        REFUSE(SYS_renameat),
        REFUSE(SYS_renameat2),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = { sizeof filter / sizeof *filter, filter };
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
        prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
        perror("no filter of system calls");
        _exit(99);
    }
}

__attribute__((constructor)) static void begin(void)
{
    const char *number = getenv("FAULT_ERRNO"), *count = getenv("FAULT_AFTER");
    wanted = getenv("FAULT_CALL");
    below = getenv("FAULT_BELOW");
    hits = getenv("FAULT_HITS");
    error_number = number ? atoi(number) : EIO;
    after = count ? atol(count) : 0;
    if (wanted && strcmp(wanted, "rename") == 0)
        refuse_renames();
}

static int fails(const char *call, int fd)
{
    char link[64], path[PATH_MAX];
    if (!wanted || !below || strcmp(call, wanted) != 0)
        return 0;
    int saved = errno;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, sizeof path - 1);
    errno = saved;
    if (length < 0)
        return 0;
    path[length] = 0;
    if (strncmp(path, below, strlen(below)) != 0 || atomic_fetch_add(&calls, 1) < after)
        return 0;
    if (hits) {
        int log = syscall(SYS_openat, AT_FDCWD, hits, O_WRONLY | O_CREAT | O_APPEND, 0644);
        syscall(SYS_write, log, "x", 1);
        syscall(SYS_close, log);
    }
    errno = error_number;
    return 1;
}

ssize_t read(int fd, void *bytes, size_t count)
{
    return fails("read", fd) ? -1 : syscall(SYS_read, fd, bytes, count);
}

ssize_t pread64(int fd, void *bytes, size_t count, off64_t offset)
{
    return fails("read", fd) ? -1 : syscall(SYS_pread64, fd, bytes, count, offset);
}

ssize_t readv(int fd, const struct iovec *parts, int count)
{
    return fails("read", fd) ? -1 : syscall(SYS_readv, fd, parts, count);
}

ssize_t write(int fd, const void *bytes, size_t count)
{
    return fails("write", fd) ? -1 : syscall(SYS_write, fd, bytes, count);
}

ssize_t writev(int fd, const struct iovec *parts, int count)
{
    return fails("write", fd) ? -1 : syscall(SYS_writev, fd, parts, count);
}

ssize_t copy_file_range(int in, off64_t *in_offset, int out, off64_t *out_offset, size_t count,
                        unsigned flags)
{
    if (fails("read", in) || fails("write", out))
        return -1;
    return syscall(SYS_copy_file_range, in, in_offset, out, out_offset, count, flags);
}

/* Folders are synced, too, but that a rename is durable is not promised. */
static int sync_fails(int fd)
{
    struct stat data;
    return fstat(fd, &data) == 0 && S_ISREG(data.st_mode) && fails("fsync", fd);
}

int fsync(int fd)
{
    return sync_fails(fd) ? -1 : (int)syscall(SYS_fsync, fd);
}

int fdatasync(int fd)
{
    return sync_fails(fd) ? -1 : (int)syscall(SYS_fdatasync, fd);
}
