import { type CommandResult, type HostSession, type RunOptions, hostError, shellWord } from "../ssh";
import { tryAsRoot } from "./host-script";
import { type Installation, installationPaths } from "./installation";

/** EX_TEMPFAIL of sysexits.h: no installer ends with it. */
const LOCKED = 75;

/**
 * Runs an installer as root, unless another one works on this installation: sshd cannot signal what root has started for
 * another user, so an installer goes on where the run that started it was ended.
 * @throws PassthroughError `HOST_NOT_READY` while another one works
 */
export async function runExclusively(
    session: HostSession,
    installation: Installation,
    lines: readonly string[],
    options: RunOptions = {},
): Promise<CommandResult> {
    const lock = shellWord(installationPaths(installation).lock);
    // Its children have the lock, too: it is held until the last of them has ended.
    const take = `exec 9> ${lock}; flock -n -E ${LOCKED} 9 || exit $?`;
    const result = await tryAsRoot(session, [take, ...lines], options);
    if (result.status !== LOCKED) return result;
    throw hostError(session.connection, "HOST_NOT_READY", "an installer that an earlier run started still works", {
        thing: installation.directory,
        fix: "wait until it ends (fuser names the processes that have the file .lock there open), and run again",
    });
}
