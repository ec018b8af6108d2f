import type { HostConnection } from "./connection";
import { hostError } from "./host-error";
import type { CommandResult, RunOptions } from "./command";

type Run = (command: string, options?: RunOptions) => Promise<CommandResult>;

/** How a user becomes root on a host: found out once, without a password. */
export class RootRights {
    private found: Promise<readonly string[]> | undefined;

    constructor(
        private readonly connection: HostConnection,
        private readonly run: Run,
    ) {}

    /** The words before a command that root is to run. @throws PassthroughError `HOST_SUDO_REFUSED` */
    prefix(): Promise<readonly string[]> {
        this.found ??= this.find();
        return this.found;
    }

    private async find(): Promise<readonly string[]> {
        const { stdout } = await this.run("id -u");
        if (stdout.trim() === "0") return [];
        const { status, stderr } = await this.run("LC_ALL=C sudo -n -- sh -c :");
        if (status === 0) return ["sudo", "-n", "--"];
        const { user } = this.connection;
        const said = stderr.trim() || `sudo ended with status ${status}`;
        throw hostError(
            this.connection,
            "HOST_SUDO_REFUSED",
            `${user} cannot become root without a password: ${said}`,
            {
                fix: `on the host, let it: a file in /etc/sudoers.d with "${user} ALL=(root) NOPASSWD: ALL", or configure root as the user`,
            },
        );
    }
}
