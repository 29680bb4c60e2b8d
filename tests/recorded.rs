//! The lowering against recorded toolchains: words and rows, boundary by
//! boundary, offline. The records are made by `cargo xtask corpus`.

mod agreement;

use agreement::Agreement;
use lowering::Policy;
use std::fs;
use xtask::corpus;
use xtask::toolchain::TOOLCHAINS;

#[test]
fn every_record_agrees_with_the_policy_of_its_release() {
    let mut total = Agreement::default();
    for version in TOOLCHAINS {
        let file = format!("go{version}.txt");
        let text = fs::read_to_string(corpus::directory().join(&file)).expect(&file);
        let record = corpus::read(&file, &text).expect("a well-formed record");
        let policy = Policy::resolve(&record.toolchain).expect("a supported release");
        let agreement = Agreement::of(&record.functions, policy);
        assert!(agreement.functions >= 190, "{file}: {agreement:?}");
        agreement.assert_total(&file);
        total.add(&agreement);
    }
    println!("{total}");
}

/// Every policy of a release but that of go1.23.12, for which no toolchain can be had, has a
/// record.
#[test]
fn every_policy_has_a_record() {
    for policy in Policy::released() {
        let recorded = TOOLCHAINS.iter().any(|version| {
            Policy::resolve(&format!("go{version}")).is_ok_and(|found| found.name == policy.name)
        });
        assert_eq!(recorded, policy.name != "go1.23.12", "{}", policy.name);
    }
}

#[test]
fn a_record_of_another_toolchain_is_refused() {
    let file = "go1.24.3.txt";
    let text = fs::read_to_string(corpus::directory().join(file)).expect(file);
    assert!(corpus::read(file, &text).is_ok());
    assert!(corpus::read("go1.24.11.txt", &text).is_err());
    let without_date: String = text
        .lines()
        .filter(|line| !line.starts_with("# date"))
        .map(|line| format!("{line}\n"))
        .collect();
    assert!(corpus::read(file, &without_date).is_err());
    assert!(corpus::read(file, &text.replacen(" : ", " ", 1)).is_err());
}

/// The comparison itself: one bit of one word, one row.
#[test]
fn a_difference_is_noticed() {
    let file = "go1.24.3.txt";
    let text = fs::read_to_string(corpus::directory().join(file)).expect(file);
    let record = corpus::read(file, &text).expect("a well-formed record");
    let policy = Policy::resolve(&record.toolchain).expect("a supported release");
    for change in [0, 1, 2] {
        let mut functions = record.functions.clone();
        let function = functions.get_mut(17).expect("a function");
        match change {
            0 => function.words[1] ^= 1 << 10,
            1 => function.rows[2].0 += 16,
            _ => function.rows[2].1 -= 1,
        }
        let agreement = Agreement::of(&functions, policy);
        assert_eq!(agreement.differences.len(), 1, "change {change}");
    }
}
