import { type MachineFacts, machineScript, parseMachineFacts } from "../host-checks";
import { type HostSession, shellWord } from "../ssh";
import { runAsRoot } from "./host-command";
import { UNITS } from "./host-registry";

/** What a host says about itself, as far as the registry is concerned. */
export interface HostFacts {
    /** machine-id(5); empty: it has none. */
    readonly machineId: string;
    /** sd_booted(3) */
    readonly hasSystemd: boolean;
    /** Path of podman; empty: it is not installed. */
    readonly podman: string;
    /** "4.9.4"; empty: podman does not run. */
    readonly podmanVersion: string;
    readonly hasNft: boolean;
    /** "Enforcing", "Permissive", "Disabled"; empty: there is no SELinux. */
    readonly selinux: string;
    /** False: nothing on the host labels what containers may use (container-selinux). */
    readonly hasContainerPolicy: boolean;
    /** Listeners are without the registry's own. */
    readonly machine: MachineFacts;
    /** Where this connection comes from (sshd(8), SSH_CONNECTION); empty: not known. */
    readonly client: string;
    /** The address of the host that it leads to, as the host sees it; empty: not known. */
    readonly server: string;
    /** Owner of the directory; empty: it has none; undefined: it does not exist, or is empty, as a new file system is. */
    readonly owner: string | undefined;
    /** Paths of units of these names whose first line names another owner, or none. */
    readonly foreignUnits: readonly string[];
    /** Whether there is a unit of this owner. */
    readonly hasOwnUnits: boolean;
}

/** What is asked about. */
export interface FactQuestions {
    readonly directory: string;
    readonly owner: string;
    /** Names of the registry, without a port; default: they are not asked about. */
    readonly names?: readonly string[];
}

/** Finds everything out in one command, which changes nothing. @throws PassthroughError `HOST_COMMAND_FAILED`, `HOST_SUDO_REFUSED` */
export async function readHostFacts(session: HostSession, questions: FactQuestions): Promise<HostFacts> {
    // sudo keeps no variable of sshd.
    const { stdout: ends } = await session.run('printf %s "$SSH_CONNECTION"');
    const [client = "", , server = ""] = ends.split(" ");
    const what = "the host cannot be looked at";
    const printed = await runAsRoot(session, factsScript(questions), { what, fix: "log in, and look at the host" });
    const values = (name: string) =>
        printed.split("\n").flatMap((line) => (line.startsWith(`${name}=`) ? [line.slice(name.length + 1)] : []));
    const value = (name: string) => values(name)[0] ?? "";
    const machine = parseMachineFacts(printed, { names: questions.names ?? [] });
    return {
        machineId: value("machine"),
        hasSystemd: value("systemd") === "yes",
        podman: value("podman"),
        podmanVersion: /(\d+\.\d+(?:\.\d+)?)/.exec(value("podmanVersion"))?.[1] ?? "",
        hasNft: value("nft") === "yes",
        selinux: value("selinux"),
        hasContainerPolicy: value("containerPolicy") === "yes",
        machine: value("active") === "yes" ? withoutOwnListeners(machine) : machine,
        ...{ client, server },
        owner: value("directory") === "used" ? value("owner") : undefined,
        foreignUnits: values("foreign"),
        hasOwnUnits: value("own") === "yes",
    };
}

function factsScript({ directory, owner, names = [] }: FactQuestions): string {
    const units = Object.values(UNITS).map((unit) => `/etc/systemd/system/${unit}`);
    return [
        `directory=${shellWord(directory)}; owner=${shellWord(owner)}`,
        'echo "machine=$(cat /etc/machine-id 2>/dev/null)"',
        '[ -d /run/systemd/system ] && echo "systemd=yes"',
        'echo "podman=$(command -v podman)"; echo "podmanVersion=$(podman --version 2>/dev/null)"',
        'command -v nft >/dev/null && echo "nft=yes"',
        'echo "selinux=$(getenforce 2>/dev/null)"',
        'grep -q container_file_t /etc/selinux/*/contexts/files/file_contexts 2>/dev/null && echo "containerPolicy=yes"',
        ...machineScript({ directory, names }),
        `systemctl is-active --quiet ${UNITS.pull} ${UNITS.push} && echo "active=yes"`,
        '[ -n "$(ls -A -I lost+found "$directory" 2>/dev/null)" ] && echo "directory=used"',
        'echo "owner=$(cat "$directory/owner" 2>/dev/null)"',
        `for unit in ${units.join(" ")}; do`,
        '    [ -e "$unit" ] || continue',
        '    if [ "$(head -n 1 "$unit")" = "# registry-passthrough: $owner" ]; then echo "own=yes"; else echo "foreign=$unit"; fi',
        "done",
        "exit 0",
    ].join("\n");
}

function withoutOwnListeners(machine: MachineFacts): MachineFacts {
    const others = [...machine.listeners].filter(([, { program }]) => program !== "registry");
    return { ...machine, listeners: new Map(others) };
}
