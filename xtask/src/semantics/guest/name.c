// What a newer LLVM calls words, by its C interface, which is the same in all versions.
//
// Words come on stdin, 4 bytes each; a line for each goes to stdout: the instruction, or -
// where the word is unknown. With an argument it says which LLVM it is.

#include <stdint.h>
#include <stdio.h>

void *LLVMCreateDisasmCPUFeatures(const char *, const char *, const char *, void *, int, void *, void *);
size_t LLVMDisasmInstruction(void *, uint8_t *, uint64_t, uint64_t, char *, size_t);
void LLVMGetVersion(unsigned *, unsigned *, unsigned *);
void LLVMInitializeAArch64TargetInfo(void);
void LLVMInitializeAArch64TargetMC(void);
void LLVMInitializeAArch64Disassembler(void);

int main(int count, char **arguments) {
    (void)arguments;
    if (count > 1) {
        unsigned major, minor, patch;
        LLVMGetVersion(&major, &minor, &patch);
        printf("LLVM %u.%u.%u\n", major, minor, patch);
        return 0;
    }
    LLVMInitializeAArch64TargetInfo();
    LLVMInitializeAArch64TargetMC();
    LLVMInitializeAArch64Disassembler();
    void *llvm = LLVMCreateDisasmCPUFeatures("aarch64-unknown-linux-gnu", "", "+all", 0, 0, 0, 0);
    if (!llvm)
        return 2;
    uint8_t word[4];
    char text[256];
    while (fread(word, 4, 1, stdin) == 1) {
        size_t size = LLVMDisasmInstruction(llvm, word, 4, 0, text, sizeof text);
        for (char *at = text; size && *at; ++at)
            if (*at == '\t' || *at == '\n')
                *at = ' ';
        puts(size ? text : "-");
    }
    return 0;
}
