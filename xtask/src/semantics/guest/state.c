#include "state.h"

#include <string.h>

uint8_t *arena;
uint64_t chance;
size_t compared = VL;

uint64_t draw(void) {
    uint64_t z = chance += 0x9e3779b97f4a7c15;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
    z = (z ^ z >> 27) * 0x94d049bb133111eb;
    return z ^ z >> 31;
}

void fill(void *to, size_t size) {
    uint8_t *bytes = to;
    for (size_t at = 0; at < size; at += 8) {
        uint64_t value = draw();
        memcpy(bytes + at, &value, size - at < 8 ? size - at : 8);
    }
}

static uint64_t place(unsigned number) {
    return (uint64_t)arena + MIDDLE + (number & 31) * PLACE;
}

// What a general register holds: a pointer, a small number, anything.
static uint64_t value(unsigned number, unsigned kind) {
    uint64_t any = draw();
    switch (kind) {
    case 0: return place(number);
    case 1: return any & 63;
    default: return any;
    }
}

static void vector(uint8_t *to, unsigned kind) {
    fill(to, VL);
    for (unsigned at = 0; kind > 1 && at < VL; at += kind == 4 ? 4 : 8) {
        uint64_t any = draw();
        uint64_t small = any & 255, pointer = place(any) + (any >> 8 & 255) * 4;
        if (kind == 4)
            memcpy(to + at, &pointer, 4);
        else
            memcpy(to + at, kind == 2 ? &small : &pointer, 8);
    }
}

void make(struct state *to, unsigned number) {
    memset(to, 0, sizeof *to);
    unsigned kind = number % 4;
    for (unsigned at = 0; at < 31; ++at)
        to->x[at] = value(at, kind == 0 ? 0 : kind == 1 ? draw() % 2 : kind == 2 ? 2 : draw() % 3);
    to->sp = place(31);
    to->flags = draw() & 0xf0000000;
    // Rounding, flush to zero, default NaN, alternative half precision.
    to->fpcr = number % 2 ? draw() & 0x07c00000 : 0;
    for (unsigned at = 0; at < 32; ++at)
        vector(to->z[at], number % 5 == 4 ? draw() % 5 : number % 5);
    fill(to->p, sizeof to->p);
    for (unsigned at = 0; at < 16 && number % 3 == 1; ++at)
        for (unsigned byte = 0; byte < PL; ++byte)
            to->p[at][byte] &= 0x11;
    // FFR is a run of ones from the start.
    uint32_t run = (1ull << draw() % 33) - 1;
    memcpy(to->ffr, &run, PL);
    fill(to->za, sizeof to->za);
}

// A part of a state and its size.
static void *part(struct state *of, unsigned number, size_t *size) {
    *size = 8;
    if (number < SP)
        return &of->x[number];
    if (number == SP)
        return &of->sp;
    if (number == FLAGS)
        return &of->flags;
    if (number < PREDICATES)
        return *size = compared, of->z[number - VECTORS];
    if (number < FFR)
        return *size = PL, of->p[number - PREDICATES];
    if (number == FFR)
        return *size = PL, of->ffr;
    return *size = sizeof of->za, of->za;
}

int same(struct state *left, struct state *right, unsigned number) {
    size_t size;
    void *one = part(left, number, &size), *another = part(right, number, &size);
    return memcmp(one, another, size) == 0;
}

// Changes one part in one of three ways.
void vary(struct state *to, unsigned number, unsigned way) {
    size_t size;
    uint8_t *at = part(to, number, &size);
    uint64_t any = draw();
    if (number < SP)
        to->x[number] = way == 0 ? any : way == 1 ? to->x[number] ^ 1ull << any % 16 : !to->x[number];
    else if (number == SP)
        to->sp = place(any % 31) + (any >> 8 & 15) * 16;
    else if (number == FLAGS)
        to->flags ^= way == 0 ? 0xf0000000 : 0x10000000u << any % 4;
    else if (number == FFR) {
        uint32_t run;
        memcpy(&run, at, PL);
        run = run == ~0u ? 0xff : ~0u;
        memcpy(at, &run, PL);
    } else if (number >= PREDICATES && number < FFR)
        for (unsigned byte = 0; byte < PL; ++byte)
            at[byte] = ~at[byte];
    else if (way == 0)
        fill(at, size);
    else
        for (unsigned byte = 0; byte < size; byte += 8)
            at[byte] ^= 1 << any % 8;
}
