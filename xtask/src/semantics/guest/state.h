// The state of the machine before and after a word, made by chance and changed part by part.

#include <stddef.h>
#include <stdint.h>

enum { VL = 32, PL = VL / 8, ARENA = 192 << 10, MIDDLE = 80 << 10, PLACE = 1 << 10 };
enum { SP = 31, FLAGS = 32, VECTORS = 33, PREDICATES = 65, FFR = 81, ZA = 82, MEMORY = 84 };

struct state {
    uint64_t x[31], sp, flags, fpcr;
    uint8_t z[32][VL], p[16][PL], ffr[8];
    uint8_t za[VL][VL];
    // Where it ended and with which signal, 0 for the end of the word.
    uint64_t pc;
    uint64_t signal;
};

// Where registers may point to, what the next draw depends on, and how much of a vector counts.
extern uint8_t *arena;
extern uint64_t chance;
extern size_t compared;

// A number by chance.
uint64_t draw(void);
// Bytes by chance.
void fill(void *to, size_t size);
// The state of a number.
void make(struct state *to, unsigned number);
// Whether a part is the same in two states.
int same(struct state *left, struct state *right, unsigned number);
// Changes one part in one of three ways.
void vary(struct state *to, unsigned number, unsigned way);
