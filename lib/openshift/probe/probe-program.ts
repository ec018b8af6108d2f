/** A platform as images name it (image-spec, config.md, "architecture": values of Go's GOARCH). */
export type ProbeArchitecture = "amd64" | "arm64" | "ppc64le" | "s390x";

interface Machine {
    /** `e_machine` of the ELF specification. */
    readonly id: number;
    /** `e_flags`: ABI version 2 of ppc64le. */
    readonly flags: number;
    readonly isBigEndian: boolean;
    /** Machine code of `exit(0)` as a Linux system call, hex. */
    readonly exit: string;
}

const MACHINES: Readonly<Record<ProbeArchitecture, Machine>> = {
    // xor edi, edi; mov eax, 60 (exit); syscall
    amd64: { id: 62, flags: 0, isBigEndian: false, exit: "31ffb83c0000000f05" },
    // mov x0, #0; mov x8, #93 (exit); svc #0
    arm64: { id: 183, flags: 0, isBigEndian: false, exit: "000080d2a80b80d2010000d4" },
    // li r3, 0; li r0, 1 (exit); sc
    ppc64le: { id: 21, flags: 2, isBigEndian: false, exit: "000060380100003802000044" },
    // lghi %r2, 0; svc 1 (exit)
    s390x: { id: 22, flags: 0, isBigEndian: true, exit: "a72900000a01" },
};

export const PROBE_ARCHITECTURES = Object.keys(MACHINES) as readonly ProbeArchitecture[];

const HEADER = 64;
const PROGRAM_HEADER = 56;
/** Above `vm.mmap_min_addr`, and a multiple of every page size (64 kB at most). */
const ADDRESS = 0x1000_0000;
const PAGE = 0x1_0000;
const READABLE_AND_EXECUTABLE = 5;

/**
 * The smallest program that ends with status 0: an ELF file of 64 bits with one segment, whose code is one system call
 * (System V ABI, chapters 4 and 5). Runtimes that look for the program before they create a container (runc) then report
 * a container, and with it which image it is of.
 */
export function exitProgram(architecture: ProbeArchitecture): Buffer {
    const { id, flags, isBigEndian, exit } = MACHINES[architecture];
    const code = Buffer.from(exit, "hex");
    const file = Buffer.alloc(HEADER + PROGRAM_HEADER + code.length);
    const put = (value: number, at: number, bytes: 2 | 4 | 8) => {
        if (isBigEndian) file.writeUIntBE(value, at + Math.max(0, bytes - 4), Math.min(bytes, 4));
        else file.writeUIntLE(value, at, Math.min(bytes, 4));
    };
    // Magic, 64 bits, byte order, version 1.
    Buffer.from([0x7f, 0x45, 0x4c, 0x46, 2, isBigEndian ? 2 : 1, 1]).copy(file);
    const header: readonly (readonly [value: number, at: number, bytes: 2 | 4 | 8])[] = [
        // e_type (executable), e_machine, e_version
        [2, 16, 2],
        [id, 18, 2],
        [1, 20, 4],
        // e_entry, e_phoff
        [ADDRESS + HEADER + PROGRAM_HEADER, 24, 8],
        [HEADER, 32, 8],
        // e_flags, e_ehsize, e_phentsize, e_phnum, e_shentsize
        [flags, 48, 4],
        [HEADER, 52, 2],
        [PROGRAM_HEADER, 54, 2],
        [1, 56, 2],
        [64, 58, 2],
        // p_type (loaded), p_flags
        [1, 64, 4],
        [READABLE_AND_EXECUTABLE, 68, 4],
        // p_vaddr, p_paddr
        [ADDRESS, 80, 8],
        [ADDRESS, 88, 8],
        // p_filesz, p_memsz, p_align
        [file.length, 96, 8],
        [file.length, 104, 8],
        [PAGE, 112, 8],
    ];
    for (const [value, at, bytes] of header) put(value, at, bytes);
    code.copy(file, HEADER + PROGRAM_HEADER);
    return file;
}
