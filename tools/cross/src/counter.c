/* Counts the instructions that an emulated program has executed each time that it writes to its standard
   output: a plugin for qemu's user-mode emulators (TCG plugins, version 1 of their interface). Its
   arguments: out=FILE, the file for the counts, a line each, and write=N, the number of the system call.

   Debian packages no header for plugins, so what is used of the interface is declared here. A block of
   translated code adds the number of its instructions each time it is entered; a block that a signal
   leaves early counts whole. One thread at a time: the addition is not atomic. */

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct qemu_plugin_tb;

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation, void *counter,
                                              uint64_t amount);
void qemu_plugin_register_vcpu_syscall_cb(uint64_t id,
                                          void (*called)(uint64_t, unsigned int, int64_t, uint64_t, uint64_t, uint64_t,
                                                         uint64_t, uint64_t, uint64_t, uint64_t, uint64_t));
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*ended)(uint64_t, void *), void *data);

enum { ADD_U64 = 0 };

#define PUBLIC __attribute__((visibility("default")))

PUBLIC int qemu_plugin_version = 1;

enum { MOST_WRITES = 256, STANDARD_OUTPUT = 1 };

static uint64_t instructions;
static uint64_t counts[MOST_WRITES];
static size_t writes;
static int64_t write_number = -1;
static char file[4096];

static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &instructions, qemu_plugin_tb_n_insns(block));
}

static void called(uint64_t id, unsigned int cpu, int64_t number, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4,
                   uint64_t a5, uint64_t a6, uint64_t a7, uint64_t a8)
{
    (void)id, (void)cpu, (void)a2, (void)a3, (void)a4, (void)a5, (void)a6, (void)a7, (void)a8;
    if (number == write_number && a1 == STANDARD_OUTPUT && writes < MOST_WRITES) {
        counts[writes++] = instructions;
    }
}

static void ended(uint64_t id, void *data)
{
    (void)id;
    (void)data;
    FILE *out = fopen(file, "w");
    if (out != NULL) {
        for (size_t i = 0; i < writes; i++) {
            fprintf(out, "%" PRIu64 "\n", counts[i]);
        }
        fclose(out);
    }
}

PUBLIC int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0 && strlen(argv[i] + 4) < sizeof file) {
            strcpy(file, argv[i] + 4);
        } else if (strncmp(argv[i], "write=", 6) == 0) {
            write_number = atoll(argv[i] + 6);
        }
    }
    if (file[0] == '\0' || write_number < 0) {
        fprintf(stderr, "counter: expected out=FILE and write=N\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
