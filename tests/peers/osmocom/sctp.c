/* SCTP for kernels without it: a library to preload that carries one-to-one SCTP sockets over AF_UNIX.
 *
 * Port P is the abstract name "sctp.P" of SOCK_SEQPACKET, and those names belong to the network namespace. A message
 * travels behind its payload protocol identifier and stream. One stream, no multihoming, no notifications: enough
 * for M3UA between programs of one machine. Single-threaded programs only. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <linux/sctp.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <unistd.h>

enum { FILES = 1024, FIRST_FREE_PORT = 40000 };

static struct { uint16_t local, peer; } ports[FILES];
static unsigned char carried[FILES]; /* file descriptor: one of ours */
static uint16_t free_port = FIRST_FREE_PORT;

struct head { uint32_t ppid; uint16_t stream; };

/* LIBC(name): the C library's own function of that name */
#define LIBC(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

static int ours(int fd) { return fd >= 0 && fd < FILES && carried[fd]; }

static int carry(int fd, uint16_t local, uint16_t peer)
{
    if (fd >= FILES) {
        LIBC(close)(fd);
        errno = EMFILE;
        return -1;
    }
    if (fd >= 0) {
        carried[fd] = 1;
        ports[fd].local = local;
        ports[fd].peer = peer;
    }
    return fd;
}

static uint16_t port(const struct sockaddr *address)
{
    return ntohs(((const struct sockaddr_in *)address)->sin_port);
}

static socklen_t name(struct sockaddr_un *unix_name, uint16_t number)
{
    *unix_name = (struct sockaddr_un){.sun_family = AF_UNIX};
    int length = snprintf(unix_name->sun_path + 1, sizeof unix_name->sun_path - 1, "sctp.%u", number);
    return offsetof(struct sockaddr_un, sun_path) + 1 + length;
}

static int loopback(struct sockaddr *address, socklen_t *length, uint16_t number)
{
    struct sockaddr_in in = {
        .sin_family = AF_INET, .sin_port = htons(number), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    if (address && length) {
        memcpy(address, &in, *length < sizeof in ? *length : sizeof in);
        *length = sizeof in;
    }
    return 0;
}

int socket(int domain, int type, int protocol)
{
    if (protocol != IPPROTO_SCTP)
        return LIBC(socket)(domain, type, protocol);
    if (domain != AF_INET) {
        errno = EAFNOSUPPORT;
        return -1;
    }
    int flags = type & (SOCK_NONBLOCK | SOCK_CLOEXEC);
    return carry(LIBC(socket)(AF_UNIX, SOCK_SEQPACKET | flags, 0), free_port++, 0);
}

int close(int fd)
{
    if (ours(fd))
        carried[fd] = 0;
    return LIBC(close)(fd);
}

int bind(int fd, const struct sockaddr *address, socklen_t length)
{
    if (!ours(fd))
        return LIBC(bind)(fd, address, length);
    if (port(address))
        ports[fd].local = port(address);
    return 0;
}

int sctp_bindx(int fd, struct sockaddr *addresses, int count, int flags)
{
    (void)count, (void)flags;
    return bind(fd, addresses, sizeof(struct sockaddr_in));
}

int listen(int fd, int backlog)
{
    struct sockaddr_un unix_name;
    if (ours(fd) && LIBC(bind)(fd, (struct sockaddr *)&unix_name, name(&unix_name, ports[fd].local)))
        return -1;
    return LIBC(listen)(fd, backlog);
}

int connect(int fd, const struct sockaddr *address, socklen_t length)
{
    struct sockaddr_un unix_name;
    if (!ours(fd))
        return LIBC(connect)(fd, address, length);
    ports[fd].peer = port(address);
    return LIBC(connect)(fd, (struct sockaddr *)&unix_name, name(&unix_name, port(address)));
}

int sctp_connectx(int fd, struct sockaddr *addresses, int count, sctp_assoc_t *id)
{
    (void)count;
    if (id)
        *id = 1;
    return connect(fd, addresses, sizeof(struct sockaddr_in));
}

int accept(int fd, struct sockaddr *address, socklen_t *length)
{
    if (!ours(fd))
        return LIBC(accept)(fd, address, length);
    int other = carry(LIBC(accept)(fd, NULL, NULL), ports[fd].local, free_port++);
    if (other >= 0)
        loopback(address, length, ports[other].peer);
    return other;
}

int getsockname(int fd, struct sockaddr *address, socklen_t *length)
{
    return ours(fd) ? loopback(address, length, ports[fd].local) : LIBC(getsockname)(fd, address, length);
}

int getpeername(int fd, struct sockaddr *address, socklen_t *length)
{
    return ours(fd) ? loopback(address, length, ports[fd].peer) : LIBC(getpeername)(fd, address, length);
}

int getsockopt(int fd, int level, int option, void *value, socklen_t *length)
{
    if (!ours(fd) || level != IPPROTO_SCTP)
        return LIBC(getsockopt)(fd, level, option, value, length);
    memset(value, 0, *length);
    return 0;
}

int setsockopt(int fd, int level, int option, const void *value, socklen_t length)
{
    if (ours(fd) && (level == IPPROTO_SCTP || level == IPPROTO_IP))
        return 0;
    return LIBC(setsockopt)(fd, level, option, value, length);
}

int sctp_recvmsg(int fd, void *data, size_t size, struct sockaddr *from, socklen_t *from_length,
                 struct sctp_sndrcvinfo *info, int *flags)
{
    struct head head = {0};
    struct iovec parts[] = {{&head, sizeof head}, {data, size}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    ssize_t length = recvmsg(fd, &message, 0);
    if (length < (ssize_t)sizeof head)
        return length < 0 ? -1 : 0; /* the other end closed */
    loopback(from, from_length, ports[fd].peer);
    if (flags)
        *flags = MSG_EOR;
    if (info)
        *info = (struct sctp_sndrcvinfo){.sinfo_ppid = head.ppid, .sinfo_stream = head.stream};
    return length - sizeof head;
}

int sctp_send(int fd, const void *data, size_t length, const struct sctp_sndrcvinfo *info, int flags)
{
    struct head head = {info ? info->sinfo_ppid : 0, info ? info->sinfo_stream : 0};
    struct iovec parts[] = {{&head, sizeof head}, {(void *)data, length}};
    struct msghdr message = {.msg_iov = parts, .msg_iovlen = 2};
    (void)flags;
    ssize_t sent = sendmsg(fd, &message, MSG_NOSIGNAL);
    return sent < 0 ? -1 : (int)(sent - sizeof head);
}
