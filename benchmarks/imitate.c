/* Loaded before a program's own libraries: hides instruction sets from every library that asks.

   The processor is told to raise a signal at each CPUID instruction (arch_prctl(2), ARCH_CPUID),
   which is answered here without the bits of AVX-512, AMX and, for IMITATED_PROCESSOR=avx2, VNNI. */
#define _GNU_SOURCE
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#define ARCH_CPUID 0x1012
/* Leaf 7 of CPUID, subleaf 0: AVX-512 and its parts, AMX. Intel, Software Developer's Manual, 2A. */
#define EBX_0 (1u << 16 | 1u << 17 | 1u << 21 | 1u << 26 | 1u << 27 | 1u << 28 | 1u << 30 | 1u << 31)
#define ECX_0 (1u << 1 | 1u << 6 | 1u << 11 | 1u << 12 | 1u << 14)
#define EDX_0 (1u << 2 | 1u << 3 | 1u << 8 | 1u << 22 | 1u << 23 | 1u << 24 | 1u << 25)
/* Subleaf 1: AVX512-BF16, AMX-FP16, AVX-IFMA; then 8- and 16-bit VNNI, AVX10. */
#define EAX_1 (1u << 5 | 1u << 21 | 1u << 23)
#define EDX_1 (1u << 4 | 1u << 5 | 1u << 8 | 1u << 10 | 1u << 19)
#define AVX_VNNI (1u << 4)

static int keeps_vnni;

static void answer(int number, siginfo_t *info, void *context) {
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    const unsigned char *at = (const unsigned char *)registers[REG_RIP];
    unsigned leaf = registers[REG_RAX], subleaf = registers[REG_RCX], a, b, c, d;
    (void)info;
    if (at[0] != 0x0f || at[1] != 0xa2) {
        /* A true fault: it happens again at once, and ends the program. */
        signal(number, SIG_DFL);
        return;
    }
    syscall(SYS_arch_prctl, ARCH_CPUID, 1);
    __asm__ volatile("cpuid" : "=a"(a), "=b"(b), "=c"(c), "=d"(d) : "a"(leaf), "c"(subleaf));
    syscall(SYS_arch_prctl, ARCH_CPUID, 0);
    if (leaf == 7 && subleaf == 0) {
        b &= ~EBX_0;
        c &= ~ECX_0;
        d &= ~EDX_0;
    } else if (leaf == 7 && subleaf == 1) {
        a &= ~(EAX_1 | (keeps_vnni ? 0 : AVX_VNNI));
        d &= ~EDX_1;
    }
    registers[REG_RAX] = a;
    registers[REG_RBX] = b;
    registers[REG_RCX] = c;
    registers[REG_RDX] = d;
    registers[REG_RIP] += 2;
}

__attribute__((constructor)) static void hide(void) {
    const char *level = getenv("IMITATED_PROCESSOR");
    struct sigaction action = {0};
    if (!level)
        return;
    keeps_vnni = !strcmp(level, "avx2-vnni");
    action.sa_sigaction = answer;
    action.sa_flags = SA_SIGINFO | SA_NODEFER;
    if (sigaction(SIGSEGV, &action, NULL) || syscall(SYS_arch_prctl, ARCH_CPUID, 0)) {
        fputs("this processor or its virtual machine cannot hide instruction sets\n", stderr);
        _exit(3);
    }
}
