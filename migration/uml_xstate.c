/*
 * Lets a User-Mode Linux older than 6.13 run on a processor with AMX, by LD_PRELOAD.
 *
 * Such a kernel keeps the extended registers of its processes (XSTATE) in a buffer of 2,696 bytes: x87 to AVX-512
 * and the protection keys. AMX makes the whole state 11,008 bytes, and the host refuses to set a part of it:
 * "ptrace set fp regs failed, errno = 14". Here the part is laid over the rest as the process has it.
 *
 * Freestanding, so that any C compiler makes it without headers. One static buffer is enough: only the one thread
 * which runs the guest's processes sets their registers.
 */
struct iovec {
    unsigned char *base;
    unsigned long length;
};

enum { GETREGSET = 0x4204, SETREGSET = 0x4205, NT_X86_XSTATE = 0x202, ROOM = 65536 };

typedef long ptrace_function(unsigned long request, long pid, unsigned long address, void *data);

extern void *dlsym(void *handle, const char *name);

static unsigned char whole[ROOM];

static void copy(unsigned char *to, const unsigned char *from, unsigned long length)
{
    while (length--)
        *to++ = *from++;
}

long ptrace(unsigned long request, long pid, unsigned long address, void *data)
{
    static ptrace_function *libc_ptrace;
    struct iovec *part = data;
    struct iovec full = {whole, ROOM};
    long result;

    if (!libc_ptrace)
        libc_ptrace = (ptrace_function *)dlsym((void *)-1L /* RTLD_NEXT */, "ptrace");
    if ((request != GETREGSET && request != SETREGSET) || address != NT_X86_XSTATE)
        return libc_ptrace(request, pid, address, data);
    result = libc_ptrace(GETREGSET, pid, NT_X86_XSTATE, &full);
    if (result != 0)
        return result;
    if (part->length > full.length)
        part->length = full.length;
    if (request == GETREGSET) {
        copy(part->base, whole, part->length);
        return 0;
    }
    copy(whole, part->base, part->length);
    return libc_ptrace(SETREGSET, pid, NT_X86_XSTATE, &full);
}
