import { oneLine } from "../errors/text";
import type { HostConnection } from "./connection";
import { hostError } from "./host-error";
import type { CommandResult, RunOptions } from "./command";

type Run = (command: string, options?: RunOptions) => Promise<CommandResult>;

const MOST_SHOWN = 300;

/** How a user becomes root on a host: found out once, without a password. */
export class RootRights {
    private found: Promise<readonly string[]> | undefined;

    constructor(
        private readonly connection: HostConnection,
        private readonly run: Run,
    ) {}

    /** The words before a command that root is to run. @throws PassthroughError `HOST_SUDO_REFUSED`, `HOST_NOT_READY` */
    prefix(): Promise<readonly string[]> {
        this.found ??= this.find();
        return this.found;
    }

    private async find(): Promise<readonly string[]> {
        const { user } = this.connection;
        const id = await this.run("id -u");
        if (!/^\d+\n$/.test(id.stdout)) throw this.shellError(id);
        if (id.stdout === "0\n") return [];
        const { status, stderr } = await this.run("LC_ALL=C sudo -n -- sh -c :");
        if (status === 0) return ["sudo", "-n", "--"];
        const said = stderr.trim() || `sudo ended with status ${status}`;
        // sudoers(5), requiretty. Without it, a password is what a terminal would be for.
        if (/\btty\b|terminal/i.test(said) && !/password/i.test(said)) {
            throw hostError(this.connection, "HOST_SUDO_REFUSED", `sudo wants a terminal of ${user}: ${said}`, {
                fix: `on the host, let it do without: a file in /etc/sudoers.d with "Defaults:${user} !requiretty", or configure root as the user`,
            });
        }
        throw hostError(
            this.connection,
            "HOST_SUDO_REFUSED",
            `${user} cannot become root without a password: ${said}`,
            {
                fix: `on the host, let it: a file in /etc/sudoers.d with "${user} ALL=(root) NOPASSWD: ALL", or configure root as the user`,
            },
        );
    }

    /** What a command prints is read: nothing else may be in it. */
    private shellError({ status, stdout, stderr }: CommandResult): Error {
        const { user } = this.connection;
        const said = oneLine((stdout + stderr).trim()).slice(0, MOST_SHOWN) || `status ${status}`;
        const runsCommands = /^\d+\n$/m.test(stdout);
        const problem = runsCommands
            ? `the shell of ${user} prints something before each command: ${said}`
            : `the shell of ${user} runs no commands: ${said}`;
        const fix = runsCommands
            ? `let its start files print nothing where there is no terminal (at the top of ~${user}/.bashrc: case $- in *i*) ;; *) return ;; esac)`
            : `give ${user} a shell that runs commands (usermod --shell), without a command of its own in authorized_keys or sshd_config`;
        return hostError(this.connection, "HOST_NOT_READY", problem, { thing: "login", fix });
    }
}
