// Executes single words in many states and says what each of them did.
//
// Requests come on stdin, answers go to stdout, a line or more for each, in order:
//
//   WORD OK TRIES FAULTS EXECUTIONS CHANGED KEPT DEPENDS NOTES
//
// OK is the number of states in which the word was executed to its end, FAULTS those in which it was
// not: i, s, b, t (SIGILL, SIGSEGV, SIGBUS, SIGTRAP), once each, after a dot. CHANGED is the set of parts that
// changed in some state, KEPT that of the parts which kept in all states and all their variations
// what was in them before, DEPENDS that of the parts whose change, alone, made another difference
// than to themselves; in hexadecimal, a bit for a part: X0..X30, SP, NZCV, Z0..Z31, P0..P15, FFR,
// ZA, and memory at bit 84. NOTES are letters after a dot: b where it went elsewhere than to the
// next word, l where it depends on memory outside of the range that the request names, s where memory
// changed although the request promises that it does not, m in streaming mode.
// A line for each state whose memory changed follows:
//
//   @ FIRST END X0 .. X30 SP
//
// with the addresses of the first byte that changed, of the byte after the last, and what the
// registers held before. A state is made by chance from the word and the request's salt alone.

#include "state.h"

#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

struct request {
    uint32_t word;
    // What is loaded: a general register, 31 for SP, and the range from it; -1: unknown.
    int32_t base;
    int64_t offset;
    uint32_t bytes;
    uint32_t salt;
    // How many states to find in how many tries.
    uint16_t wanted, tries;
    // 1: memory may change. 2: of vectors, the lowest 16 bytes are compared.
    uint32_t flags;
};

typedef unsigned __int128 parts;

extern uint32_t zone[];
void enter(const struct state *), enter_streaming(const struct state *);

static uint32_t *const code = zone + 0x200000 / 4;
static uint8_t pristine[ARENA], other[ARENA];
static uint64_t thread;
static sigjmp_buf back;
static struct state *ended;
static unsigned long executions;

// Takes the registers out of a signal frame.
static void take(struct state *to, const ucontext_t *from) {
    memcpy(to->x, from->uc_mcontext.regs, sizeof to->x);
    to->sp = from->uc_mcontext.sp;
    to->pc = from->uc_mcontext.pc;
    to->flags = from->uc_mcontext.pstate & 0xf0000000;
    const uint8_t *record = (const uint8_t *)from->uc_mcontext.__reserved;
    for (;;) {
        uint32_t magic = ((const uint32_t *)record)[0], size = ((const uint32_t *)record)[1];
        if (magic == 0)
            return;
        const uint8_t *body = record + 16;
        if (magic == 0x53564501 && size > 16) {
            memcpy(to->z, body, sizeof to->z);
            memcpy(to->p, body + sizeof to->z, sizeof to->p);
            memcpy(to->ffr, body + sizeof to->z + sizeof to->p, PL);
        }
        if (magic == 0x54366345 && size > 16)
            memcpy(to->za, body, sizeof to->za);
        if (magic == 0x45585401)
            record = *(const uint8_t *const *)(record + 8);
        else
            record += size;
    }
}

static void handle(int signal, siginfo_t *info, void *context) {
    (void)info;
    asm volatile("msr tpidr_el0, %0" : : "r"(thread) : "memory");
    asm volatile(".arch_extension sme\n\tsmstop" : : : "memory");
    const ucontext_t *at = context;
    ended->signal = signal;
    take(ended, at);
    // The end of the word, and all that is elsewhere, is no fault of the word's.
    if (ended->pc != (uint64_t)code)
        ended->signal = 0;
    siglongjmp(back, 1);
}

static void execute(const struct state *before, struct state *after, int streaming) {
    ++executions;
    *after = *before;
    ended = after;
    if (sigsetjmp(back, 0) == 0) {
        if (streaming)
            enter_streaming(before);
        else
            enter(before);
    }
}

// The range of the arena that is not as it was painted, looked for where registers point and from
// `low` to `high`.
static int differs(unsigned low, unsigned high, unsigned *first, unsigned *end) {
    const uint8_t *painted = pristine;
    *first = ARENA, *end = 0;
    for (unsigned page = 0; page < ARENA; page += 4096) {
        int pointed = page + 4096 > MIDDLE && page < MIDDLE + 32 * PLACE + 4096;
        if (!pointed && (page + 4096 <= low || page >= high))
            continue;
        const uint64_t *left = (const void *)(arena + page), *right = (const void *)(painted + page);
        uint64_t difference = 0;
        for (unsigned at = 0; at < 512; ++at)
            difference |= left[at] ^ right[at];
        if (!difference)
            continue;
        for (unsigned at = page; at < page + 4096; ++at)
            if (arena[at] != painted[at]) {
                if (*first == ARENA)
                    *first = at;
                *end = at + 1;
            }
    }
    return *end != 0;
}

static void restore(unsigned first, unsigned end) {
    if (end)
        memcpy(arena + first, pristine + first, end - first);
}

struct answer {
    parts changed, kept, depends;
    int branched, loads_elsewhere, stores, loads;
    char lines[1 << 14];
    size_t length;
};

static int skipped(unsigned number, int streaming) {
    return number == FFR ? streaming : number == ZA ? !streaming : 0;
}

// Registers other than `but`: whether two ends are the same. `but` 0xff: all.
static int alike(struct state *left, struct state *right, unsigned but) {
    if (left->signal != right->signal || left->pc != right->pc)
        return 0;
    for (unsigned at = 0; at <= ZA; ++at)
        if (at != but && !same(left, right, at))
            return 0;
    return 1;
}

static void vary_parts(const struct request *request, struct answer *answer, struct state *before,
                       struct state *after, int streaming, const uint8_t *stored, unsigned first,
                       unsigned end) {
    for (unsigned number = 0; number <= ZA; ++number) {
        if (skipped(number, streaming))
            continue;
        int kept = same(before, after, number), always_kept = kept;
        unsigned ways = number < SP ? 3 : number == FLAGS || number >= VECTORS && number < PREDICATES ? 2 : 1;
        for (unsigned way = 0; way < ways; ++way) {
            struct state varied = *before, result;
            vary(&varied, number, way);
            execute(&varied, &result, streaming);
            int depends = !alike(after, &result, number);
            int kept_again = same(&varied, &result, number);
            // It is neither left alone nor written with the same.
            if (!(kept && kept_again) && !same(after, &result, number))
                depends = 1;
            if (!kept_again && !result.signal)
                always_kept = 0;
            if (request->flags & 1 || end) {
                unsigned from, to;
                differs(first, end, &from, &to);
                if (from != first || to != end || (end && memcmp(stored, arena + first, end - first))) {
                    depends = depends || !result.signal;
                    // It may have stored where was not looked.
                    differs(0, ARENA, &from, &to);
                }
                restore(from, to);
            }
            if (depends)
                answer->depends |= (parts)1 << number;
        }
        if (!always_kept)
            answer->kept &= ~((parts)1 << number);
    }
}

// What the word does when all of memory, or all but the range that is loaded, is another.
static void vary_memory(const struct request *request, struct answer *answer, struct state *before,
                        struct state *after, int streaming) {
    struct state result;
    memcpy(arena, other, ARENA);
    execute(before, &result, streaming);
    if (!alike(after, &result, 0xff))
        answer->loads = 1;
    memcpy(arena, other, ARENA);
    if (answer->loads && request->base >= 0) {
        int64_t from = (request->base == SP ? before->sp : before->x[request->base]) + request->offset -
                       (uint64_t)arena;
        int64_t to = from + request->bytes;
        from = from < 0 ? 0 : from, to = to > ARENA ? ARENA : to;
        if (from < to)
            memcpy(arena + from, pristine + from, to - from);
        execute(before, &result, streaming);
        if (!alike(after, &result, 0xff))
            answer->loads_elsewhere = 1;
    }
    memcpy(arena, pristine, ARENA);
}

static int try(const struct request *request, struct answer *answer, unsigned number, int streaming) {
    static uint8_t stored[ARENA];
    struct state before, after;
    chance = ((uint64_t)request->word << 32 | request->salt) + number * 0x1000193;
    make(&before, number);
    execute(&before, &after, streaming);
    unsigned first, end;
    if (after.signal && !(request->flags & 1))
        return after.signal;
    differs(0, ARENA, &first, &end);
    if (end)
        memcpy(stored, arena + first, end - first);
    restore(first, end);
    if (after.signal)
        return after.signal;
    for (unsigned at = 0; at <= ZA; ++at)
        if (!skipped(at, streaming) && !same(&before, &after, at))
            answer->changed |= (parts)1 << at;
    if (after.pc != (uint64_t)(code + 1))
        answer->branched = 1;
    if (end) {
        answer->changed |= (parts)1 << MEMORY;
        char *line = answer->lines + answer->length;
        char *at = line + sprintf(line, "@ %llx %llx", (unsigned long long)arena + first,
                                  (unsigned long long)arena + end);
        for (unsigned x = 0; x < 31; ++x)
            at += sprintf(at, " %llx", (unsigned long long)before.x[x]);
        at += sprintf(at, " %llx\n", (unsigned long long)before.sp);
        if (answer->length + (at - line) + 1024 < sizeof answer->lines)
            answer->length += at - line;
    }
    vary_parts(request, answer, &before, &after, streaming, stored, first, end);
    if (differs(0, ARENA, &first, &end)) {
        answer->stores = 1;
        restore(first, end);
    }
    vary_memory(request, answer, &before, &after, streaming);
    return 0;
}

static void print_parts(parts set) {
    printf(" %llx%016llx", (unsigned long long)(set >> 64), (unsigned long long)set);
}

static void serve(const struct request *request) {
    static struct answer answer;
    memset(&answer, 0, sizeof answer);
    answer.kept = ((parts)1 << (ZA + 1)) - 1;
    code[0] = request->word;
    __builtin___clear_cache((char *)code, (char *)(code + 2));
    unsigned ok = 0, tries = 0, faults = 0, streaming = 0;
    executions = 0;
    compared = request->flags & 2 ? 16 : VL;
    for (; ok < request->wanted && tries < request->tries; ++tries) {
        int signal = try(request, &answer, tries, streaming);
        if (signal == 0)
            ++ok;
        else
            faults |= 1u << signal;
        // A word is unknown here, if it is not one for streaming mode.
        if (signal == SIGILL && tries == 3 && ok == 0 && faults == 1u << SIGILL) {
            if (streaming)
                break;
            streaming = 1, tries = -1u, faults = 0;
        }
    }
    printf("%08x %u %u .%s%s%s%s %lu", request->word, ok, tries, faults >> SIGILL & 1 ? "i" : "",
           faults >> SIGSEGV & 1 ? "s" : "", faults >> SIGBUS & 1 ? "b" : "",
           faults >> SIGTRAP & 1 ? "t" : "", executions);
    if (answer.loads)
        answer.depends |= (parts)1 << MEMORY;
    print_parts(answer.changed);
    print_parts(answer.kept);
    print_parts(answer.depends);
    printf(" .%s%s%s%s\n%s", answer.branched ? "b" : "", answer.loads_elsewhere ? "l" : "",
           answer.stores ? "s" : "", streaming ? "m" : "", answer.length ? answer.lines : "");
    fflush(stdout);
}

static void prepare(void) {
    asm volatile("mrs %0, tpidr_el0" : "=r"(thread));
    // Below 4 GiB, for addresses in 32 bits of a vector, with nothing next to it.
    arena = mmap((void *)0x20000000, ARENA, PROT_READ | PROT_WRITE,
                 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    if (arena == MAP_FAILED)
        exit(2);
    chance = 0x6d696466;
    fill(pristine, ARENA);
    fill(other, ARENA);
    // A zero that is stored is seen everywhere.
    for (unsigned at = 0; at < ARENA; ++at)
        pristine[at] |= 1;
    memcpy(arena, pristine, ARENA);
    for (unsigned at = 0; at < 0x400000 / 4; ++at)
        zone[at] = 0xd4200040; // BRK #2
    code[1] = 0xd4200020; // BRK #1
    static uint8_t stack[1 << 17];
    stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
    sigaltstack(&alternate, NULL);
    struct sigaction action = {.sa_sigaction = handle, .sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER};
    int signals[] = {SIGILL, SIGSEGV, SIGBUS, SIGTRAP, SIGFPE};
    for (unsigned at = 0; at < sizeof signals / sizeof *signals; ++at)
        sigaction(signals[at], &action, NULL);
}

int main(void) {
    struct request request;
    prepare();
    while (fread(&request, sizeof request, 1, stdin) == 1) {
        // A word that does not come to an end takes the process with it.
        alarm(20);
        serve(&request);
    }
    return 0;
}
