// What LLVM's machine layer knows of A64 words.
//
// usage: describe opcodes        names the instructions that LLVM can have words for
//        describe classes        words on stdin, 4 bytes each; the number of the opcode of each on
//                                stdout, 2 bytes, 0 where the word is unknown
//        describe words          words on stdin; a line for each on stdout:
//                                  WORD OPCODE EFFECTS DEFS USES
//                                or WORD - where it is unknown. EFFECTS are letters: l may load,
//                                s may store, b branch, c call, r return, e side effects that are
//                                not described, and . always. DEFS and USES are names, with commas,
//                                after a dot: X0..X30, SP, NZCV, V0..V31, P0..P15, FFR, ZA, ZT0,
//                                and LLVM's own name with a ? before it for all else.

#include <llvm-c/Target.h>
#include <llvm/Config/llvm-config.h>
#include <llvm/MC/MCAsmInfo.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/MCDisassembler/MCDisassembler.h>
#include <llvm/MC/MCInst.h>
#include <llvm/MC/MCInstrInfo.h>
#include <llvm/MC/MCRegisterInfo.h>
#include <llvm/MC/MCSubtargetInfo.h>
#include <llvm/MC/MCTargetOptions.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/TargetParser/Triple.h>

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <vector>

using namespace llvm;

extern "C" {
void LLVMInitializeAArch64TargetInfo(void);
void LLVMInitializeAArch64TargetMC(void);
void LLVMInitializeAArch64Disassembler(void);
}

#if LLVM_VERSION_MAJOR >= 22
static const Triple &named(const Triple &triple) { return triple; }
#else
static StringRef named(const Triple &triple) { return triple.str(); }
#endif

namespace {

// All that a word is decoded with.
struct Machine {
  const Triple triple{"aarch64-unknown-linux-gnu"};
  MCTargetOptions options;
  const Target *target = nullptr;
  std::unique_ptr<const MCRegisterInfo> registers;
  std::unique_ptr<const MCAsmInfo> assembly;
  std::unique_ptr<const MCInstrInfo> instructions;
  std::unique_ptr<const MCSubtargetInfo> subtarget;
  std::unique_ptr<MCContext> context;
  std::unique_ptr<const MCDisassembler> disassembler;
  // What each register of LLVM's is called here: several, of a pair.
  std::vector<std::set<std::string>> names;

  Machine();
  bool decode(uint32_t word, MCInst &instruction) const;
  std::string describe(uint32_t word) const;
};

// The number after a prefix, or -1.
int numbered(const std::string &name, const std::string &prefix) {
  if (name.size() <= prefix.size() || name.compare(0, prefix.size(), prefix) != 0)
    return -1;
  int number = 0;
  for (size_t at = prefix.size(); at < name.size(); ++at) {
    if (name[at] < '0' || name[at] > '9')
      return -1;
    number = number * 10 + (name[at] - '0');
  }
  return number;
}

// The name of a register that is no tuple; empty for zero registers and for LLVM's artificial
// halves.
std::string simple(const std::string &name) {
  if (name == "XZR" || name == "WZR" || name.find("_HI") != std::string::npos)
    return "";
  if (name == "WSP")
    return "SP";
  if (name == "FP" || name == "LR")
    return name == "FP" ? "X29" : "X30";
  if (name == "SP" || name == "NZCV" || name == "FFR" || name == "ZT0")
    return name;
  for (const char *prefix : {"X", "W"})
    if (int number = numbered(name, prefix); number >= 0)
      return "X" + std::to_string(number);
  for (const char *prefix : {"B", "H", "S", "D", "Q", "Z"})
    if (int number = numbered(name, prefix); number >= 0)
      return "V" + std::to_string(number);
  for (const char *prefix : {"P", "PN"})
    if (int number = numbered(name, prefix); number >= 0)
      return "P" + std::to_string(number);
  if (name.compare(0, 2, "ZA") == 0)
    return "ZA";
  return "?" + name;
}

Machine::Machine() {
  LLVMInitializeAArch64TargetInfo();
  LLVMInitializeAArch64TargetMC();
  LLVMInitializeAArch64Disassembler();
  std::string error;
#if LLVM_VERSION_MAJOR >= 22
  target = TargetRegistry::lookupTarget(triple, error);
#else
  target = TargetRegistry::lookupTarget(triple.str(), error);
#endif
  if (!target) {
    fprintf(stderr, "no target: %s\n", error.c_str());
    exit(2);
  }
  registers.reset(target->createMCRegInfo(named(triple)));
  assembly.reset(target->createMCAsmInfo(*registers, named(triple), options));
  instructions.reset(target->createMCInstrInfo());
  subtarget.reset(target->createMCSubtargetInfo(named(triple), "", "+all"));
#if LLVM_VERSION_MAJOR >= 23
  context = std::make_unique<MCContext>(triple, *assembly, *registers, *subtarget);
#else
  context = std::make_unique<MCContext>(triple, assembly.get(), registers.get(), subtarget.get());
#endif
  disassembler.reset(target->createMCDisassembler(*subtarget, *context));
  names.resize(registers->getNumRegs());
  for (unsigned number = 1; number < registers->getNumRegs(); ++number) {
    std::set<std::string> parts;
    bool compound = false;
    for (MCSubRegIterator part(number, registers.get()); part.isValid(); ++part) {
      std::string name = simple(registers->getName(*part));
      if (!name.empty() && name[0] != '?')
        parts.insert(name), compound = true;
    }
    std::string own = simple(registers->getName(number));
    // A tuple is named by its parts.
    if (!own.empty() && !(own[0] == '?' && compound))
      parts.insert(own);
    names[number] = parts;
  }
}

bool Machine::decode(uint32_t word, MCInst &instruction) const {
  uint8_t bytes[4];
  memcpy(bytes, &word, 4);
  uint64_t size = 0;
  // A soft failure is a word whose effect is constrained unpredictable: still this instruction.
  return disassembler->getInstruction(instruction, size, ArrayRef<uint8_t>(bytes, 4), 0, nulls()) !=
         MCDisassembler::Fail;
}

std::string joined(const std::set<std::string> &names) {
  std::string text = ".";
  for (const std::string &name : names)
    text += (text.size() > 1 ? "," : "") + name;
  return text;
}

std::string Machine::describe(uint32_t word) const {
  char head[16];
  snprintf(head, sizeof head, "%08x ", word);
  MCInst instruction;
  if (!decode(word, instruction))
    return std::string(head) + "-";
  const MCInstrDesc &about = instructions->get(instruction.getOpcode());
  std::set<std::string> defs, uses;
  auto add = [&](std::set<std::string> &to, unsigned number) {
    to.insert(names[number].begin(), names[number].end());
  };
  for (unsigned at = 0; at < instruction.getNumOperands(); ++at) {
    const MCOperand &operand = instruction.getOperand(at);
    if (operand.isReg() && operand.getReg())
      add(at < about.getNumDefs() ? defs : uses, operand.getReg());
    if (at >= about.getNumOperands())
      continue;
    int tied = about.getOperandConstraint(at, MCOI::TIED_TO);
    if (tied >= 0 && instruction.getOperand(tied).isReg() && instruction.getOperand(tied).getReg())
      add(uses, instruction.getOperand(tied).getReg());
  }
  for (MCPhysReg number : about.implicit_defs())
    add(defs, number);
  // Calls use SP in LLVM, for the code that is called.
  for (MCPhysReg number : about.implicit_uses())
    if (!about.isCall() || simple(registers->getName(number)) != "SP")
      add(uses, number);
  std::string effects = ".";
  if (about.mayLoad()) effects += "l";
  if (about.mayStore()) effects += "s";
  if (about.isBranch() || about.isIndirectBranch()) effects += "b";
  if (about.isCall()) effects += "c";
  if (about.isReturn()) effects += "r";
  if (about.hasUnmodeledSideEffects()) effects += "e";
  return std::string(head) + instructions->getName(instruction.getOpcode()).str() + " " + effects +
         " " + joined(defs) + " " + joined(uses);
}

// Calls with each word on stdin.
template <typename Each> void each_word(Each each) {
  std::vector<uint32_t> words(1 << 14);
  for (;;) {
    size_t count = fread(words.data(), 4, words.size(), stdin);
    if (count == 0)
      return;
    each(words.data(), count);
    fflush(stdout);
  }
}

} // namespace

int main(int count, char **arguments) {
  Machine machine;
  std::string mode = count == 2 ? arguments[1] : "";
  if (mode == "opcodes") {
    printf("LLVM %d.%d\n", LLVM_VERSION_MAJOR, LLVM_VERSION_MINOR);
    for (unsigned opcode = 1; opcode < machine.instructions->getNumOpcodes(); ++opcode) {
      const MCInstrDesc &about = machine.instructions->get(opcode);
      if (!about.isPseudo() && about.getSize() == 4)
        printf("%u %s\n", opcode, machine.instructions->getName(opcode).str().c_str());
    }
  } else if (mode == "classes") {
    std::vector<uint16_t> opcodes(1 << 14);
    each_word([&](const uint32_t *words, size_t count) {
      for (size_t at = 0; at < count; ++at) {
        MCInst instruction;
        opcodes[at] = machine.decode(words[at], instruction) ? instruction.getOpcode() : 0;
      }
      fwrite(opcodes.data(), 2, count, stdout);
    });
  } else if (mode == "words") {
    each_word([&](const uint32_t *words, size_t count) {
      for (size_t at = 0; at < count; ++at)
        puts(machine.describe(words[at]).c_str());
    });
  } else {
    fprintf(stderr, "usage: describe opcodes | classes | words\n");
    return 2;
  }
  return 0;
}
