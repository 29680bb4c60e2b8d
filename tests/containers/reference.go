// Prints the functions of a Go program as the standard library reads them: entry,
// end, the line of the entry, and the name, by debug/gosym; and the symbols of
// the text as the linker wrote them. Run as: reference FILE TABLES-OF
//
// TABLES-OF is the same program with symbols, where FILE has none.
package main

import (
	"bufio"
	"bytes"
	"debug/elf"
	"debug/gosym"
	"debug/macho"
	"debug/pe"
	"fmt"
	"log"
	"os"
	"strings"
)

type section struct {
	address uint64
	data    []byte
}

type program struct {
	sections []section
	symbols  map[string]uint64
	text     uint64
	// All symbols with an address, for those of the text.
	all []gosym.Sym
}

func main() {
	p := read(os.Args[1])
	named := read(os.Args[2])
	text := named.text
	if start, ok := named.symbols["runtime.text"]; ok {
		text = start
	}
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	table, err := gosym.NewTable(nil, gosym.NewLineTable(p.table(named), text))
	check(err)
	for _, f := range table.Funcs {
		file, line, _ := table.PCToLine(f.Entry)
		fmt.Fprintf(out, "func\t%d\t%d\t%s:%d\t%s\n", f.Entry, f.End, file, line, f.Name)
	}
	etext := named.symbols["runtime.etext"]
	for _, s := range named.all {
		if s.Value >= text && s.Value < etext && s.Name != "runtime.text" {
			fmt.Fprintf(out, "symbol\t%d\t%s\n", s.Value, s.Name)
		}
	}
}

// table is the pclntab: at its symbol, or where the magic is.
func (p *program) table(named *program) []byte {
	start, ok := named.symbols["runtime.pclntab"]
	for _, s := range p.sections {
		if ok && start >= s.address && start < s.address+uint64(len(s.data)) {
			return s.data[start-s.address:]
		}
		for _, magic := range []string{"\xfa\xff\xff\xff", "\xf0\xff\xff\xff", "\xf1\xff\xff\xff"} {
			at := bytes.Index(s.data, []byte(magic+"\x00\x00\x04\x08"))
			if !ok && at >= 0 {
				return s.data[at:]
			}
		}
	}
	log.Fatal("no pclntab")
	return nil
}

func (p *program) add(name string, address uint64) {
	name = strings.TrimPrefix(name, "_")
	p.symbols[name] = address
	p.all = append(p.all, gosym.Sym{Name: name, Value: address})
}

func read(path string) *program {
	p := &program{symbols: map[string]uint64{}}
	if f, err := elf.Open(path); err == nil {
		readELF(p, f)
	} else if f, err := macho.Open(path); err == nil {
		readMachO(p, f)
	} else {
		f, err := pe.Open(path)
		check(err)
		readPE(p, f)
	}
	return p
}

func readELF(p *program, f *elf.File) {
	for _, s := range f.Sections {
		if s.Flags&elf.SHF_ALLOC == 0 || s.Type == elf.SHT_NOBITS {
			continue
		}
		// The sections of an object all have address 0; only the text is asked for by
		// address there.
		data, err := s.Data()
		check(err)
		if s.Name == ".text" {
			p.text = s.Addr
		}
		p.sections = append(p.sections, section{s.Addr, data})
	}
	symbols, _ := f.Symbols()
	for _, s := range symbols {
		object := f.Type == elf.ET_REL
		if int(s.Section) < len(f.Sections) {
			text := f.Sections[s.Section].Name == ".text"
			if kind := elf.ST_TYPE(s.Info); text && kind == elf.STT_FUNC || !text && !object {
				p.add(s.Name, s.Value)
			} else if s.Name == "runtime.text" || s.Name == "runtime.etext" {
				p.add(s.Name, s.Value)
			}
		}
	}
}

func readMachO(p *program, f *macho.File) {
	for _, s := range f.Sections {
		if s.Seg == "__DWARF" || s.Offset == 0 {
			continue
		}
		data, err := s.Data()
		check(err)
		if s.Name == "__text" {
			p.text = s.Addr
		}
		p.sections = append(p.sections, section{s.Addr, data})
	}
	if f.Symtab != nil {
		for _, s := range f.Symtab.Syms {
			// Neither of the debugger's nor undefined.
			if s.Type&0xe0 == 0 && s.Sect > 0 {
				p.add(s.Name, s.Value)
			}
		}
	}
}

func readPE(p *program, f *pe.File) {
	base := f.OptionalHeader.(*pe.OptionalHeader64).ImageBase
	for _, s := range f.Sections {
		data, err := s.Data()
		check(err)
		address := base + uint64(s.VirtualAddress)
		if s.Name == ".text" {
			p.text = address
		}
		p.sections = append(p.sections, section{address, data})
	}
	for _, s := range f.Symbols {
		if s.SectionNumber > 0 && int(s.SectionNumber) <= len(f.Sections) {
			section := f.Sections[s.SectionNumber-1]
			p.add(s.Name, base+uint64(section.VirtualAddress)+uint64(s.Value))
		}
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
