/* Counts what an emulated program has executed each time that it writes to one of its files: a plugin for
   qemu's user-mode emulators (TCG plugins, version 1 of their interface). Its arguments:

     out=FILE    the file for the counts
     write=N     the number of the system call
     to=FD       the file descriptor whose writes count; without, standard output
     classes=on  A64 instructions by class, too
     places=on   and the blocks of code that ran, by address
     cache=L1_BYTES/L1_WAYS/L2_BYTES/L2_WAYS   a model of two caches of data: LRU, lines of 64 bytes

   A line of the file for each write: `note`, the instructions, those of each class, misses of the first cache,
   misses of the second, bytes between the second and memory. With `places`, lines before it: `block`, the
   address less that of the program's entry, how often it was entered since the last note, its instructions,
   those of each class.

   Debian packages no header for plugins, so what is used of the interface is declared here. A block of
   translated code counts each time it is entered; one that a signal leaves early counts whole. One thread at a
   time: neither additions nor the caches are atomic. */

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;
struct qemu_plugin_insn;
typedef uint32_t access_info;

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation, void *counter,
                                              uint64_t amount);
void qemu_plugin_register_vcpu_mem_cb(struct qemu_plugin_insn *instruction,
                                      void (*accessed)(unsigned int, access_info, uint64_t, void *), int registers,
                                      int direction, void *data);
void qemu_plugin_register_vcpu_syscall_cb(uint64_t id,
                                          void (*called)(uint64_t, unsigned int, int64_t, uint64_t, uint64_t, uint64_t,
                                                         uint64_t, uint64_t, uint64_t, uint64_t, uint64_t));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
uint64_t qemu_plugin_tb_vaddr(const struct qemu_plugin_tb *block);
struct qemu_plugin_insn *qemu_plugin_tb_get_insn(const struct qemu_plugin_tb *block, size_t index);
const void *qemu_plugin_insn_data(const struct qemu_plugin_insn *instruction);
unsigned int qemu_plugin_mem_size_shift(access_info info);
bool qemu_plugin_mem_is_store(access_info info);
uint64_t qemu_plugin_entry_code(void);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*ended)(uint64_t, void *), void *data);

enum { ADD_U64 = 0, NO_REGISTERS = 0, READS_AND_WRITES = 3 };

#define PUBLIC __attribute__((visibility("default")))

PUBLIC int qemu_plugin_version = 1;

/* In the order of the file, which `counts.rs` names. */
enum class { FMLA_4S, FMLA_8H, DOT, INTEGER_MULTIPLY, FLOAT, INTEGER, MOVE, LOAD, STORE, SCALAR, BRANCH, CLASSES };

struct block {
    struct block *next;
    uint64_t executions;
    uint64_t noted;
    uint64_t address;
    uint32_t instructions;
    uint16_t classes[CLASSES];
};

enum { LINE_BITS = 6, LINE_BYTES = 1 << LINE_BITS, MOST_WAYS = 16, DIRTY = 1 };

/* Lines of a set, the last used first: the number of the line, plus one, above a bit for `DIRTY`. */
struct cache {
    uint64_t *lines;
    uint64_t sets;
    unsigned int ways;
    uint64_t misses;
};

static struct block *blocks;
static struct cache first, second;
static uint64_t traffic;
static bool with_classes, with_places, with_caches;
static int64_t write_number = -1;
static uint64_t descriptor = 1;
static FILE *out;

static bool is(uint32_t word, uint32_t mask, uint32_t value)
{
    return (word & mask) == value;
}

/* Of the group "Advanced SIMD" and scalar floats. Names of forms are those of the Arm ARM, section C4.1. */
static enum class vector_class(uint32_t w)
{
    bool quad = w >> 30 & 1, unsigned_or_other = w >> 29 & 1;
    unsigned int size = w >> 22 & 3;
    if (is(w, 0x9F000400, 0x0F000000)) { /* by element */
        switch (w >> 12 & 15) {
        case 1:
        case 5: /* FMLA, FMLS */
            return size == 0 && quad ? FMLA_8H : size == 2 && quad ? FMLA_4S : FLOAT;
        case 9: /* FMUL, FMULX */
            return FLOAT;
        case 14:
            return DOT;
        case 15:
            return size & 1 ? FLOAT : DOT; /* BFDOT, BFMLAL; SUDOT, USDOT */
        default:
            return !unsigned_or_other && (w >> 12 & 11) == 0 ? FLOAT : INTEGER_MULTIPLY; /* FMLAL, FMLSL */
        }
    }
    if (is(w, 0x9F800400, 0x0F000400)) { /* modified immediate, shift by immediate */
        unsigned int opcode = w >> 11 & 31;
        return (w >> 19 & 15) == 0 ? MOVE : opcode == 28 || opcode == 31 ? FLOAT : INTEGER;
    }
    if (is(w, 0x9F200400, 0x0E200400)) { /* three same */
        unsigned int opcode = w >> 11 & 31;
        if (opcode == 25 && !unsigned_or_other) {
            return quad && !(size & 1) ? FMLA_4S : FLOAT;
        }
        if (opcode == 3) { /* a move is ORR of one register with itself */
            return !unsigned_or_other && size == 2 && (w >> 16 & 31) == (w >> 5 & 31) ? MOVE : INTEGER;
        }
        return opcode >= 24 ? FLOAT : opcode == 18 || opcode == 19 || opcode == 22 ? INTEGER_MULTIPLY : INTEGER;
    }
    if (is(w, 0x9F60C400, 0x0E400400)) { /* three same of halves */
        return (w >> 11 & 7) == 1 && !unsigned_or_other && quad ? FMLA_8H : FLOAT;
    }
    if (is(w, 0x9F208400, 0x0E008400)) { /* three same, extra: dot products and small matrices */
        unsigned int opcode = w >> 11 & 15;
        return opcode == 2 || opcode == 3 || opcode == 4 || opcode == 5 ? DOT : opcode < 2 ? INTEGER_MULTIPLY : FLOAT;
    }
    if (is(w, 0x9F200C00, 0x0E200000)) { /* three different: twice as long */
        return w >> 12 & 8 ? INTEGER_MULTIPLY : INTEGER;
    }
    if (is(w, 0x9F3E0C00, 0x0E200800)) { /* two registers */
        unsigned int opcode = w >> 12 & 31;
        if (opcode == 6) { /* SADALP and UADALP */
            return INTEGER_MULTIPLY;
        }
        bool compares = (opcode >= 12 && opcode <= 15 && size >= 2);
        bool widens = opcode == 22 || opcode == 23;
        return opcode < 2 ? MOVE : compares || widens || opcode >= 24 ? FLOAT : INTEGER;
    }
    if (is(w, 0x9F7E0C00, 0x0E780800)) { /* two registers of halves */
        return FLOAT;
    }
    if (is(w, 0x9F3E0C00, 0x0E300800)) { /* across lanes */
        unsigned int opcode = w >> 12 & 31;
        return opcode == 12 || opcode == 15 ? FLOAT : INTEGER;
    }
    /* copy; ZIP, UZP, TRN; EXT; TBL, TBX; a copy of one element to a scalar */
    if (is(w, 0x9FE08400, 0x0E000400) || is(w, 0xBF208C00, 0x0E000800) || is(w, 0xBFE08400, 0x2E000000) ||
        is(w, 0xBFE08C00, 0x0E000000) || is(w, 0xFFE0FC00, 0x5E000400)) {
        return MOVE;
    }
    /* scalar FMOV, of a register, from and to general ones, and of an immediate */
    if (is(w, 0xFF3FFC00, 0x1E204000) || is(w, 0x7F36FC00, 0x1E260000) || is(w, 0xFF201FE0, 0x1E201000)) {
        return MOVE;
    }
    return FLOAT;
}

static enum class class_of(uint32_t w)
{
    switch (w >> 25 & 15) {
    case 8:
    case 9:
        return SCALAR;
    case 10:
    case 11: /* exceptions and system registers are no branches */
        return is(w, 0xFC000000, 0xD4000000) && !is(w, 0xFE000000, 0xD6000000) ? SCALAR : BRANCH;
    case 5:
    case 13:
        return SCALAR;
    case 7:
    case 15:
        return vector_class(w);
    case 4:
    case 6:
    case 12:
    case 14:
        if (is(w, 0x3B000000, 0x18000000)) { /* literal */
            return LOAD;
        }
        if (is(w, 0x3F200C00, 0x38200000)) { /* atomics */
            return LOAD;
        }
        if (is(w, 0x3C000000, 0x38000000)) { /* a general register: 00 stores, others load */
            return w >> 22 & 3 ? LOAD : STORE;
        }
        return w >> 22 & 1 ? LOAD : STORE;
    default:
        return SCALAR;
    }
}

/* Whether the set of `line` has it, and makes it the last used; what it pushes out, if anything, else 0. */
static bool touch(struct cache *cache, uint64_t line, uint64_t dirty, uint64_t *pushed)
{
    uint64_t *set = cache->lines + (line & (cache->sets - 1)) * cache->ways;
    uint64_t entry = (line + 1) << 1;
    *pushed = 0;
    if ((set[0] & ~(uint64_t)DIRTY) == entry) {
        set[0] |= dirty;
        return true;
    }
    for (unsigned int way = 1; way < cache->ways; way++) {
        if ((set[way] & ~(uint64_t)DIRTY) == entry) {
            uint64_t found = set[way];
            memmove(set + 1, set, way * sizeof *set);
            set[0] = found | dirty;
            return true;
        }
    }
    *pushed = set[cache->ways - 1];
    memmove(set + 1, set, (cache->ways - 1) * sizeof *set);
    set[0] = entry | dirty;
    return false;
}

static void write_back(uint64_t pushed)
{
    if (pushed & DIRTY) {
        traffic += LINE_BYTES;
    }
}

static void access_line(uint64_t line, uint64_t dirty)
{
    uint64_t from_first, from_second;
    if (touch(&first, line, dirty, &from_first)) {
        return;
    }
    first.misses++;
    if (from_first & DIRTY) {
        /* A whole line: nothing is read for it. */
        touch(&second, (from_first >> 1) - 1, DIRTY, &from_second);
        write_back(from_second);
    }
    if (!touch(&second, line, 0, &from_second)) {
        second.misses++;
        traffic += LINE_BYTES;
        write_back(from_second);
    }
}

static void accessed(unsigned int cpu, access_info info, uint64_t address, void *data)
{
    (void)cpu, (void)data;
    uint64_t dirty = qemu_plugin_mem_is_store(info) ? DIRTY : 0;
    uint64_t last = address + (UINT64_C(1) << qemu_plugin_mem_size_shift(info)) - 1;
    access_line(address >> LINE_BITS, dirty);
    if (last >> LINE_BITS != address >> LINE_BITS) {
        access_line(last >> LINE_BITS, dirty);
    }
}

static void translated(uint64_t id, struct qemu_plugin_tb *code)
{
    (void)id;
    struct block *block = calloc(1, sizeof *block);
    if (block == NULL) {
        fprintf(stderr, "counter: no memory left\n");
        exit(1);
    }
    size_t count = qemu_plugin_tb_n_insns(code);
    block->instructions = (uint32_t)count;
    block->address = qemu_plugin_tb_vaddr(code);
    for (size_t i = 0; i < count && (with_classes || with_caches); i++) {
        struct qemu_plugin_insn *instruction = qemu_plugin_tb_get_insn(code, i);
        if (with_classes) {
            uint32_t word;
            memcpy(&word, qemu_plugin_insn_data(instruction), sizeof word);
            block->classes[class_of(word)]++;
        }
        if (with_caches) {
            qemu_plugin_register_vcpu_mem_cb(instruction, accessed, NO_REGISTERS, READS_AND_WRITES, NULL);
        }
    }
    block->next = blocks;
    blocks = block;
    qemu_plugin_register_vcpu_tb_exec_inline(code, ADD_U64, &block->executions, 1);
}

static void print_classes(const uint64_t *classes)
{
    for (size_t i = 0; i < CLASSES; i++) {
        fprintf(out, " %" PRIu64, classes[i]);
    }
}

static void note(void)
{
    uint64_t instructions = 0, classes[CLASSES] = {0};
    for (struct block *block = blocks; block != NULL; block = block->next) {
        uint64_t of_block[CLASSES];
        instructions += block->executions * block->instructions;
        for (size_t i = 0; i < CLASSES; i++) {
            of_block[i] = block->classes[i];
            classes[i] += block->executions * of_block[i];
        }
        if (with_places && block->executions > block->noted) {
            fprintf(out, "block %" PRId64 " %" PRIu64 " %" PRIu32, (int64_t)(block->address - qemu_plugin_entry_code()),
                    block->executions - block->noted, block->instructions);
            print_classes(of_block);
            fputc('\n', out);
        }
        block->noted = block->executions;
    }
    fprintf(out, "note %" PRIu64, instructions);
    print_classes(classes);
    fprintf(out, " %" PRIu64 " %" PRIu64 " %" PRIu64 "\n", first.misses, second.misses, traffic);
}

static void called(uint64_t id, unsigned int cpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                   uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)id, (void)cpu, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number == write_number && a1 == descriptor) {
        note();
    }
}

static void ended(uint64_t id, void *data)
{
    (void)id;
    (void)data;
    fclose(out);
}

/* A cache whose sets are a power of two, or an error. */
static bool make(struct cache *cache, uint64_t bytes, unsigned int ways)
{
    cache->ways = ways;
    cache->sets = ways == 0 ? 0 : bytes / LINE_BYTES / ways;
    if (ways == 0 || ways > MOST_WAYS || cache->sets == 0 || (cache->sets & (cache->sets - 1)) != 0) {
        return false;
    }
    cache->lines = calloc(cache->sets * ways, sizeof *cache->lines);
    return cache->lines != NULL;
}

PUBLIC int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    bool wrong = false;
    for (int i = 0; i < argc; i++) {
        uint64_t bytes[2];
        unsigned int ways[2];
        if (strncmp(argv[i], "out=", 4) == 0) {
            out = fopen(argv[i] + 4, "w");
        } else if (strncmp(argv[i], "write=", 6) == 0) {
            write_number = atoll(argv[i] + 6);
        } else if (strncmp(argv[i], "to=", 3) == 0) {
            descriptor = strtoull(argv[i] + 3, NULL, 10);
        } else if (strcmp(argv[i], "classes=on") == 0) {
            with_classes = true;
        } else if (strcmp(argv[i], "places=on") == 0) {
            with_places = true;
        } else if (sscanf(argv[i], "cache=%" SCNu64 "/%u/%" SCNu64 "/%u", &bytes[0], &ways[0], &bytes[1], &ways[1]) == 4) {
            with_caches = make(&first, bytes[0], ways[0]) && make(&second, bytes[1], ways[1]);
            wrong = wrong || !with_caches;
        } else {
            wrong = true;
        }
    }
    if (wrong || out == NULL || write_number < 0) {
        fprintf(stderr, "counter: expected out=FILE and write=N, and what counter.c lists\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
