import type { PassthroughError } from "../errors/errors";
import { withoutSecrets } from "../redaction/redaction";
import { type CommandResult, type HostSession, hostError } from "../ssh";

/** What the output of an installer says about a failure that is known, and what to do. */
export interface KnownFailure {
    readonly pattern: RegExp;
    readonly problem: string;
    readonly fix: string;
}

const COMMON: readonly KnownFailure[] = [
    {
        pattern: /No space left on device/i,
        problem: "the disk of the host got full",
        fix: "make room on the host, also where its containers are (/var/lib/containers, /var/lib/docker), and run again",
    },
    {
        pattern: /address already in use|port is already allocated/i,
        problem: "a port that it needs is taken by another program of the host",
        fix: "stop that program (ss -ltnp names it), or name another port in site.registry.mirrorBase; then run again",
    },
];

export interface FailureOptions {
    readonly known?: readonly KnownFailure[];
    /** Texts that must not be shown. */
    readonly secrets: readonly string[];
    /** What to do about a failure that is not known; default: as for an installation. */
    readonly fix?: string;
}

/** Lines that are kept of what an installer printed. */
const KEPT_LINES = 6;
const KEPT_CHARACTERS = 1500;

/**
 * Why an installer failed, by what it printed: its own words, without the secrets that it was given.
 */
export function installerError(
    session: HostSession,
    program: string,
    { status, stdout, stderr }: CommandResult,
    { known = [], secrets, fix }: FailureOptions,
): PassthroughError {
    const printed = plainText(withoutSecrets(`${stdout}\n${stderr}`, secrets));
    const cause = [...known, ...COMMON].find(({ pattern }) => pattern.test(printed));
    const problem = cause === undefined ? "" : `${cause.problem}; `;
    return hostError(
        session.connection,
        "INSTALLER_FAILED",
        `${problem}it ended with status ${status}: ${importantLines(printed)}`,
        {
            thing: program,
            fix:
                cause?.fix ??
                fix ??
                "mend on the host what it says, and run again: an installation that is not complete is begun anew",
        },
    );
}

/** What an installer is doing, as one of its lines says it; undefined: the line says nothing of that. */
export function installerStep(line: string): string | undefined {
    const text = plainText(line).trim();
    // ansible-playbook: "TASK [mirror_appliance : Start Quay service] ****"; Harbor's install.sh: "[Step 4]: starting Harbor ..."
    return (
        /^TASK \[(?:mirror_appliance : )?(.+?)\]/.exec(text)?.[1] ?? /^\[Step \d+\]: (.+?)(?: \.\.\.)?$/.exec(text)?.[1]
    );
}

/** Colours (ECMA-48 SGR), and what `tput sgr0` puts before them. */
const COLOURS = new RegExp(`${String.fromCharCode(27)}(\\[[0-9;]*m|\\(B)`, "g");

/** Without colours and returns to the beginning of a line. */
function plainText(text: string): string {
    return text.replace(COLOURS, "").replace(/\r/g, "");
}

/** Warnings of Ansible, which breaks them into lines: they are there in runs that succeed, too, and speak of failures. */
const ANSIBLE_WARNING = /^\[(?:DEPRECATION )?WARNING\]:.*(?:\n(?!\[|TASK |PLAY |[a-z]+: |time=|Error)\S.*)*/gm;

/** Lines that say that something failed; the last ones if none does. */
function importantLines(printed: string): string {
    const lines = printed
        .replace(ANSIBLE_WARNING, "")
        .split("\n")
        .map((line) => line.trim())
        .filter(Boolean);
    const failures = lines.filter((line) => /\b(fatal|error|failed|unreachable|denied|cannot)\b|✖/i.test(line));
    const kept = (failures.length > 0 ? failures : lines).slice(-KEPT_LINES).join(" | ");
    return kept.length > KEPT_CHARACTERS ? `…${kept.slice(-KEPT_CHARACTERS)}` : kept || "it printed nothing";
}
