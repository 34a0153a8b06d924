use std::net::IpAddr;

use sockscope_model::Condition;

/// `INET_DIAG_BC_*` (include/uapi/linux/inet_diag.h).
mod code {
    pub(super) const NOP: u8 = 0;
    pub(super) const JMP: u8 = 1;
    pub(super) const S_GE: u8 = 2;
    pub(super) const S_LE: u8 = 3;
    pub(super) const D_GE: u8 = 4;
    pub(super) const D_LE: u8 = 5;
    pub(super) const AUTO: u8 = 6;
    pub(super) const S_COND: u8 = 7;
    pub(super) const D_COND: u8 = 8;
    pub(super) const DEV_COND: u8 = 9;
    pub(super) const MARK_COND: u8 = 10;
}

/// Longest program: offsets are 16 bits wide, and a jump may go 4 bytes beyond the end.
const LONGEST: usize = 0xff00;
/// How deep a condition may be nested; deeper ones are left to the caller's own filter.
const DEEPEST: usize = 400;

/// One instruction: what it tests, and how far to jump forward if the test fails. A test that succeeds goes on with the
/// next instruction.
struct Instruction {
    code: u8,
    arguments: Vec<u8>,
    otherwise: usize,
}

impl Instruction {
    fn length(&self) -> usize {
        4 + self.arguments.len()
    }
}

/// A program of which a test that succeeds runs off the end, and one that fails jumps to 4 bytes behind the end: what the
/// kernel calls a match and a mismatch, and what makes programs easy to join.
#[derive(Default)]
struct Program {
    instructions: Vec<Instruction>,
    length: usize,
}

impl Program {
    fn test(code: u8, arguments: Vec<u8>) -> Program {
        let length = 4 + arguments.len();
        Program { instructions: vec![Instruction { code, arguments, otherwise: length + 4 }], length }
    }

    fn jump(distance: usize) -> Instruction {
        Instruction { code: code::JMP, arguments: Vec::new(), otherwise: distance }
    }

    fn push(&mut self, instruction: Instruction) {
        self.length += instruction.length();
        self.instructions.push(instruction);
    }

    /// Lets every jump to the mismatch go `distance` further.
    fn move_mismatch(&mut self, distance: usize) {
        let mut offset = 0;
        for instruction in &mut self.instructions {
            if offset + instruction.otherwise == self.length + 4 {
                instruction.otherwise += distance;
            }
            offset += instruction.length();
        }
    }

    fn append(&mut self, other: Program) {
        self.length += other.length;
        self.instructions.extend(other.instructions);
    }

    fn and(mut self, other: Program) -> Program {
        self.move_mismatch(other.length);
        self.append(other);
        self
    }

    fn or(mut self, other: Program) -> Program {
        // A match of the first runs into a jump over the second; a mismatch jumps over that jump.
        self.push(Program::jump(4 + other.length));
        self.append(other);
        self
    }

    fn not(mut self) -> Program {
        self.push(Program::jump(8));
        self
    }
}

/// The condition as a program for `INET_DIAG_REQ_BYTECODE`. `None` if it is always true, or too long or too deep for one:
/// then the kernel is to list everything.
pub fn compile(condition: &Condition) -> Option<Vec<u8>> {
    let program = program(condition, 0)?;
    if program.length == 0 || program.length > LONGEST {
        return None;
    }
    let mut bytes = Vec::with_capacity(program.length);
    for instruction in &program.instructions {
        bytes.push(instruction.code);
        bytes.push(u8::try_from(instruction.length()).ok()?);
        bytes.extend(u16::try_from(instruction.otherwise).ok()?.to_ne_bytes());
        bytes.extend(&instruction.arguments);
    }
    Some(bytes)
}

/// The program that tells whether the kernel chose the socket's port: not bound by its program (SOCK_BINDPORT_LOCK).
pub(crate) fn automatic_port() -> Vec<u8> {
    let mut bytes = vec![code::AUTO, 4];
    bytes.extend(8u16.to_ne_bytes());
    bytes
}

fn program(condition: &Condition, depth: usize) -> Option<Program> {
    if depth > DEEPEST {
        return None;
    }
    Some(match condition {
        Condition::All(parts) => joined(parts, depth, Program::and)?.unwrap_or_default(),
        Condition::Any(parts) => match joined(parts, depth, Program::or)? {
            Some(program) => program,
            None => Program::default().not(),
        },
        Condition::Not(part) => program(part, depth + 1)?.not(),
        Condition::LocalPortFrom(port) => port_test(code::S_GE, *port),
        Condition::LocalPortTo(port) => port_test(code::S_LE, *port),
        Condition::RemotePortFrom(port) => port_test(code::D_GE, *port),
        Condition::RemotePortTo(port) => port_test(code::D_LE, *port),
        Condition::Local(block) => address_test(code::S_COND, block.address(), block.prefix()),
        Condition::Remote(block) => address_test(code::D_COND, block.address(), block.prefix()),
        Condition::Interface(index) => Program::test(code::DEV_COND, index.to_ne_bytes().to_vec()),
        Condition::Mark { value, mask } => {
            Program::test(code::MARK_COND, [value.to_ne_bytes(), mask.to_ne_bytes()].concat())
        }
        // A condition that this kernel language has no word for: list everything.
        _ => return None,
    })
}

/// Joins in pairs, so that the work grows with n log n. `None` inside: there was nothing to join.
fn joined(parts: &[Condition], depth: usize, join: fn(Program, Program) -> Program) -> Option<Option<Program>> {
    Some(match parts {
        [] => None,
        [only] => Some(program(only, depth + 1)?),
        more => {
            let (left, right) = more.split_at(more.len() / 2);
            match (joined(left, depth, join)?, joined(right, depth, join)?) {
                (Some(left), Some(right)) if left.length + right.length <= LONGEST => Some(join(left, right)),
                _ => return None,
            }
        }
    })
}

/// The kernel reads the port from the `no` field of the instruction that follows.
fn port_test(code: u8, port: u16) -> Program {
    let mut argument = vec![code::NOP, 0];
    argument.extend(port.to_ne_bytes());
    Program::test(code, argument)
}

/// `struct inet_diag_hostcond`: family, prefix length, 2 bytes of padding, port (-1: any), address.
fn address_test(code: u8, address: IpAddr, prefix: u8) -> Program {
    let (family, octets) = match address {
        IpAddr::V4(v4) => (crate::sock_diag::AF_INET, v4.octets().to_vec()),
        IpAddr::V6(v6) => (crate::sock_diag::AF_INET6, v6.octets().to_vec()),
    };
    let mut argument = vec![family, prefix, 0, 0];
    argument.extend((-1i32).to_ne_bytes());
    argument.extend(octets);
    Program::test(code, argument)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What the kernel does (net/ipv4/inet_diag.c, `inet_diag_bc_run`), for local ports only.
    fn run(bytecode: &[u8], port: u16) -> bool {
        let mut offset = 0;
        while offset < bytecode.len() {
            let number = |at: usize| u16::from_ne_bytes([bytecode[at], bytecode[at + 1]]);
            let yes = match bytecode[offset] {
                code::JMP => false,
                code::S_GE => port >= number(offset + 6),
                code::S_LE => port <= number(offset + 6),
                other => panic!("code {other}"),
            };
            offset += if yes { usize::from(bytecode[offset + 1]) } else { usize::from(number(offset + 2)) };
        }
        offset == bytecode.len()
    }

    fn meaning(condition: &Condition, port: u16) -> bool {
        match condition {
            Condition::All(parts) => parts.iter().all(|part| meaning(part, port)),
            Condition::Any(parts) => parts.iter().any(|part| meaning(part, port)),
            Condition::Not(part) => !meaning(part, port),
            Condition::LocalPortFrom(from) => port >= *from,
            Condition::LocalPortTo(to) => port <= *to,
            _ => unreachable!(),
        }
    }

    fn tree() -> impl proptest::strategy::Strategy<Value = Condition> {
        use proptest::prelude::*;
        let leaf =
            prop_oneof![(0u16..8).prop_map(Condition::LocalPortFrom), (0u16..8).prop_map(Condition::LocalPortTo)];
        leaf.prop_recursive(6, 64, 4, |inner| {
            prop_oneof![
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Condition::All),
                proptest::collection::vec(inner.clone(), 0..4).prop_map(Condition::Any),
                inner.prop_map(|part| Condition::Not(Box::new(part))),
            ]
        })
    }

    proptest::proptest! {
        #[test]
        fn programs_mean_what_their_conditions_mean(condition in tree()) {
            for port in 0..9 {
                let matches = compile(&condition).is_none_or(|bytecode| run(&bytecode, port));
                proptest::prop_assert_eq!(matches, meaning(&condition, port));
            }
        }
    }

    #[test]
    fn what_is_too_long_or_too_deep_is_left_out() {
        let port = Condition::LocalPortFrom(1);
        assert!(compile(&Condition::Any(vec![port.clone(); 4000])).is_some());
        assert!(compile(&Condition::Any(vec![port.clone(); 40_000])).is_none());
        let mut deep = port;
        for _ in 0..1000 {
            deep = Condition::Not(Box::new(deep));
        }
        assert!(compile(&deep).is_none());
        assert!(compile(&Condition::All(Vec::new())).is_none());
    }
}
