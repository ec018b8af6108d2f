import type { CommandFate } from "../ssh-server";

/**
 * Repeats some work on a host until no connection is lost: at its first command, then at its second, and so on, in turn after and
 * before it is done. Whatever else it fails for is thrown.
 * @param host whose commands have a fate
 * @returns how often it was tried
 */
export async function throughLostConnections(
    host: { fate: (command: string) => CommandFate },
    work: () => Promise<unknown>,
): Promise<number> {
    for (let lost = 0; ; lost++) {
        let seen = 0;
        host.fate = () => (seen++ === lost ? (lost % 2 === 0 ? "lost-after" : "lost-before") : "run");
        try {
            await work();
            host.fate = () => "run";
            return lost + 1;
        } catch (error) {
            // Of the connection itself, or of a state that is kept in part.
            if (!/HOST_CONNECTION_LOST/.test(String(error))) throw error;
        }
    }
}
