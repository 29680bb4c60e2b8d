package arm64

import "cmd/internal/obj"

// popLeaf turns p, the return of a leaf with a frame, into what restores R29 and pops
// the frame, and returns the last instruction of that. LR is still in its register.
func (c *ctxt7) popLeaf(p *obj.Prog) *obj.Prog {
	size := int64(c.autosize)
	p.To = obj.Addr{Type: obj.TYPE_REG, Reg: REGFP}
	if isADDImmediate(size - 8) {
		// ADD $(size-8), RSP, R29
		p.As = AADD
		p.From = obj.Addr{Type: obj.TYPE_CONST, Offset: size - 8}
		p.Reg = REGSP
	} else {
		// MOVD -8(RSP), R29
		p.As = AMOVD
		p.From = obj.Addr{Type: obj.TYPE_MEM, Reg: REGSP, Offset: -8}
	}
	return c.popFrame(p)
}

// popFrame appends to p what pops the frame: one instruction moves SP, all the way.
// A size that no ADD takes goes through R20, as in the prologue.
func (c *ctxt7) popFrame(p *obj.Prog) *obj.Prog {
	size := int64(c.autosize)
	by, from := obj.Addr{Type: obj.TYPE_CONST, Offset: size}, int16(REGSP)
	switch {
	case isADDImmediate(size):
	case size < 1<<24:
		// ADD $low, RSP, R20
		low := obj.Addr{Type: obj.TYPE_CONST, Offset: size & 0xfff}
		p = c.appendTo(p, AADD, low, REGSP, REG_R20)
		by.Offset, from = size&^0xfff, REG_R20
	default:
		// MOVD $size, R20
		p = c.appendTo(p, AMOVD, by, 0, REG_R20)
		by = obj.Addr{Type: obj.TYPE_REG, Reg: REG_R20}
	}
	p = c.appendTo(p, AADD, by, from, REGSP)
	p.Spadj = -c.autosize
	return p
}

// appendTo appends an instruction that writes a register.
func (c *ctxt7) appendTo(p *obj.Prog, as obj.As, from obj.Addr, reg, to int16) *obj.Prog {
	q := obj.Appendp(p, c.newprog)
	q.As = as
	q.From = from
	q.Reg = reg
	q.To = obj.Addr{Type: obj.TYPE_REG, Reg: to}
	return q
}

// isADDImmediate says whether one ADD takes the value: 12 bits, shifted or not.
func isADDImmediate(value int64) bool {
	return value&^0xfff == 0 || value&^0xfff000 == 0
}
