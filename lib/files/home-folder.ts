import { homedir } from "node:os";

/**
 * The user's home; undefined where there is none: without HOME, a user that the system does not know has none (containers of
 * OpenShift run as a random one).
 */
export function homeFolder(): string | undefined {
    try {
        return homedir();
    } catch {
        return undefined;
    }
}
