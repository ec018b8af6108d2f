import { type HostSession, shellCommand, shellWord } from "../../ssh";
import { asRoot } from "../host-script";
import type { Difference } from "../installation";

/** `config.yaml` of Quay on a host, as its installer wrote it and as it is to be. */
export interface QuayConfiguration {
    /** The file that Quay reads at its start. */
    readonly config: string;
    /** A copy of it, with which a change of somebody else is undone. */
    readonly written: string;
}

/**
 * What the installer leaves on (templates/config.yaml.j2), so that whoever reaches the registry may register an account, or read
 * what is public. It needs the first itself, to register the administrator (FEATURE_USER_INITIALIZE).
 */
const CLOSED = ["FEATURE_USER_CREATION", "FEATURE_ANONYMOUS_ACCESS"] as const;

/** Top-level keys, one on a line (templates/config.yaml.j2). */
const ANY_OF_THEM = `^(${CLOSED.join("|")}):`;

/** Conditions of a shell: all of the switches are off. */
function isClosed(file: string): string {
    return CLOSED.map((name) => shellCommand("grep", "-qxE", `${name}: *(false|False)`, file)).join(" && ");
}

/**
 * Closes the registry to those without an account, and keeps the configuration. What else is in the file stays as it is, and so
 * do its owner and its rights. Quay reads it at its next start.
 * @returns whether it was open
 * @throws PassthroughError `HOST_COMMAND_FAILED`
 */
export async function closeRegistry(session: HostSession, { config, written }: QuayConfiguration): Promise<boolean> {
    const printed = await asRoot(session, { thing: config }, [
        `if ! { ${isClosed(config)}; }; then`,
        `    ${shellCommand("cp", "--archive", config, `${config}.new`)}`,
        // grep ends with 1 where nothing is left, and with 2 where it cannot read.
        `    ${shellCommand("grep", "-vE", ANY_OF_THEM, config)} > ${shellWord(`${config}.new`)} || [ $? = 1 ]`,
        `    printf '%s\\n' ${CLOSED.map((name) => shellWord(`${name}: false`)).join(" ")} >> ${shellWord(`${config}.new`)}`,
        `    ${shellCommand("mv", "-f", `${config}.new`, config)}`,
        "    echo open",
        "fi",
        shellCommand("install", "-m", "0600", config, `${written}.new`),
        shellCommand("mv", "-f", `${written}.new`, written),
    ]);
    return printed.trim() === "open";
}

/** Lines of a script that prints `open-configuration` for a registry that is open, as those of former releases are. */
export function findOpenConfiguration({ config }: Pick<QuayConfiguration, "config">): readonly string[] {
    return [`if [ -e ${shellWord(config)} ]; then ${isClosed(config)} || echo open-configuration; fi`];
}

/** @param config path of the file */
export function openDifference({ config }: Pick<QuayConfiguration, "config">): Difference {
    return {
        part: "configuration",
        text: `${config} lets those without an account read, or register one`,
    };
}

/**
 * Writes the configuration back as it was installed. Quay reads it at its next start.
 * @throws PassthroughError `HOST_COMMAND_FAILED`
 */
export async function restoreConfiguration(
    session: HostSession,
    { config, written }: QuayConfiguration,
): Promise<void> {
    await asRoot(session, { thing: config }, [
        shellCommand("mkdir", "-p", config.replace(/\/[^/]*$/, "")),
        shellCommand("install", "-m", "0750", written, `${config}.new`),
        shellCommand("mv", "-f", `${config}.new`, config),
    ]);
}
