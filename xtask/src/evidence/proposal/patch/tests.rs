use super::change;

/// A source of the same structure as go1.27.3's, with nothing in it but what the
/// places are found by.
const SOURCE: &str = "\
func lower() {
	for {
		switch o {
		case obj.ATEXT:
			if large {
				move()
				q1 = c.ctxt.EndUnsafePoint(q1)

				if buildcfg.GOOS == \"ios\" {
					ASTP, REGFP, REGLINK, REGSP
				}
			}

		case obj.ARET:
			if text.Mark&LEAF != 0 {
				if aoffset != 0 {
					old(REGFP)
					p.Spadj = -c.autosize
				}
			} else if aoffset <= 0xF0 {
				small()
			} else {
				ALDP, REGFP, REGLINK
				if aoffset < 1<<12 {
					old(AADD)
					q.Spadj = -aoffset
				} else {
					old(REGTMP, AADD)
					q.Spadj = -aoffset
				}
			}
			ret()

		case AADD:
		}
	}
}
";

#[test]
fn the_two_pops_hand_over_and_the_unsafe_point_ends_behind_the_second_store() {
    let changed = change(SOURCE.to_owned()).expect("a changed source");
    assert!(!changed.contains("old("), "{changed}");
    let lines: Vec<_> = changed.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let place = |wanted: &str| {
        let at = lines.iter().position(|line| *line == wanted);
        at.unwrap_or_else(|| panic!("{wanted} in {changed}"))
    };
    assert_eq!(lines[place("if aoffset != 0 {") + 1], "p = c.popLeaf(p)");
    assert_eq!(lines[place("ALDP, REGFP, REGLINK") + 1], "p = c.popFrame(p)");
    assert_eq!(lines[place("p = c.popFrame(p)") + 1..][..2], ["}", "ret()"]);
    let store = place("ASTP, REGFP, REGLINK, REGSP");
    assert_eq!(lines[store - 2..store], ["move()", "if buildcfg.GOOS == \"ios\" {"]);
    assert_eq!(lines[store + 1..][..2], ["}", "q1 = c.ctxt.EndUnsafePoint(q1)"]);
    assert_eq!(changed.matches('{').count(), changed.matches('}').count());
}

#[test]
fn a_source_of_another_structure_is_not_changed() {
    let cases = [
        ("\tcase obj.ARET:", "\tcase obj.AJMP:", "what a leaf does"),
        ("Mark&LEAF != 0 {", "Mark&OTHER != 0 {", "what a leaf does"),
        ("p.Spadj = -c.autosize", "p.Spadj = 0", "what a leaf does"),
        ("if aoffset < 1<<12 {", "if aoffset < 1<<13 {", "how a large frame is popped"),
        ("REGTMP", "REG_R20", "how a large frame is popped"),
        ("EndUnsafePoint", "StartUnsafePoint", "the second store of the pair"),
        ("ASTP", "AMOVD", "the second store of the pair"),
    ];
    for (from, to, said) in cases {
        let error = change(SOURCE.replacen(from, to, 1)).expect_err(from);
        assert!(format!("{error:#}").starts_with(said), "{from}: {error:#}");
    }
    let changed = change(SOURCE.to_owned()).expect("a changed source");
    assert!(change(changed).is_err(), "changed twice");
}
