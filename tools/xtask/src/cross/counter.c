/* Counts the instructions that an emulated program executes: a plugin for qemu's user-mode emulators
   (TCG plugins, version 1 of their interface). Its argument out=FILE names the file for the count.

   Debian packages no header for plugins, so what is used of the interface is declared here. A block of
   translated code adds the number of its instructions each time it is entered; a block that a signal
   leaves early counts whole. One thread at a time: the addition is not atomic. */

#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

struct qemu_plugin_tb;

void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*translated)(uint64_t, struct qemu_plugin_tb *));
void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int operation, void *counter,
                                              uint64_t amount);
size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
void qemu_plugin_register_atexit_cb(uint64_t id, void (*ended)(uint64_t, void *), void *data);

enum { ADD_U64 = 0 };

#define PUBLIC __attribute__((visibility("default")))

PUBLIC int qemu_plugin_version = 1;

static uint64_t instructions;
static char file[4096];

static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, ADD_U64, &instructions, qemu_plugin_tb_n_insns(block));
}

static void ended(uint64_t id, void *data)
{
    (void)id;
    (void)data;
    FILE *out = fopen(file, "w");
    if (out != NULL) {
        fprintf(out, "%" PRIu64 "\n", instructions);
        fclose(out);
    }
}

PUBLIC int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info;
    for (int i = 0; i < argc; i++) {
        if (strncmp(argv[i], "out=", 4) == 0 && strlen(argv[i] + 4) < sizeof file) {
            strcpy(file, argv[i] + 4);
        }
    }
    if (file[0] == '\0') {
        fprintf(stderr, "counter: expected out=FILE\n");
        return 1;
    }
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, ended, NULL);
    return 0;
}
