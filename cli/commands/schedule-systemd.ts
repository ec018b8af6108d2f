import { PassthroughError } from "../../lib/errors/errors";
import { EXIT_CONTENT, EXIT_DRIFT, EXIT_SETUP, EXIT_TERMINATED, EXIT_USAGE } from "../exit-codes";
import type { Schedule, ScheduleFiles } from "./schedule-files";

/** Where the program is on the host. */
interface SystemdHost {
    readonly folder: string;
    readonly node: string;
    readonly script: string;
    readonly path: string;
    readonly user: string;
    readonly metrics: string | undefined;
    /** A unit that is started when the check fails, with specifiers such as %n; absent: an alert unit is written. */
    readonly onFailure: string | undefined;
}

/** A service, its timer, and what alerts. Needs systemd 250 or later (%d, the folder of credentials). */
export function systemdFiles(schedule: Schedule, host: SystemdHost): ScheduleFiles {
    const { name } = schedule;
    const alert = `${name}-alert.service`;
    return {
        [`${name}.service`]: service(schedule, host, host.onFailure ?? alert),
        [`${name}.timer`]: timer(schedule),
        ...(host.onFailure === undefined ? { [alert]: alertService(schedule) } : {}),
    };
}

function service({ name, stack, variables, secretFiles }: Schedule, host: SystemdHost, onFailure: string): string {
    const { folder, node, script, path, user, metrics } = host;
    const command = [node, script, "check", "--stack", stack, ...(metrics === undefined ? [] : ["--metrics", metrics])];
    const environment = new Map([["PATH", path], ["PULUMI_HOME", `/var/lib/${name}`], ...variables]);
    return lines(
        "[Unit]",
        `Description=Nightly check of the image mirror of ${specifiers(stack)}`,
        "Wants=network-online.target",
        "After=network-online.target",
        `OnFailure=${onFailure}`,
        "# A result that is unknown is tried three times, then the unit fails.",
        "StartLimitIntervalSec=6h",
        "StartLimitBurst=3",
        "",
        "[Service]",
        "Type=oneshot",
        `User=${specifiers(user)}`,
        `StateDirectory=${specifiers(name)}`,
        `WorkingDirectory=${specifiers(folder)}`,
        ...[...environment].map(([key, value]) => `Environment=${quoted(`${key}=${value}`)}`),
        ...[...secretFiles].flatMap(([key, file]) => [
            `LoadCredential=${key}:${specifiers(file)}`,
            `Environment="${key}=%d/${key}"`,
        ]),
        `ExecStart=${command.map((word) => quoted(word).replaceAll("$", "$$$$")).join(" ")}`,
        "# 2 is wrong usage, 7 drift, 65 an archive or lock file, 78 configuration, certificate or account: none goes away.",
        "# 143 is a stop, for example at shutdown.",
        `RestartPreventExitStatus=${EXIT_USAGE} ${EXIT_DRIFT} ${EXIT_CONTENT} ${EXIT_SETUP}`,
        `SuccessExitStatus=${EXIT_TERMINATED}`,
        "Restart=on-failure",
        "RestartSec=10min",
        "# Only the main process is asked to stop; it stops the engine.",
        "KillMode=mixed",
        "TimeoutStartSec=4h",
        "NoNewPrivileges=true",
        "PrivateTmp=true",
        "ProtectSystem=full",
        "UMask=0077",
    );
}

function timer({ stack, hour, minute }: Schedule): string {
    const two = (number: number) => String(number).padStart(2, "0");
    return lines(
        "[Unit]",
        `Description=Nightly check of the image mirror of ${specifiers(stack)}`,
        "",
        "[Timer]",
        `OnCalendar=*-*-* ${two(hour)}:${two(minute)}:00`,
        "# After a night when the host was off.",
        "Persistent=true",
        "",
        "[Install]",
        "WantedBy=timers.target",
    );
}

/** Writes to the journal with a priority that log forwarders alert on. systemd 251 passes MONITOR_EXIT_STATUS. */
function alertService({ name, stack }: Schedule): string {
    const text = `${stack}: the nightly check failed (exit code $\${MONITOR_EXIT_STATUS:-unknown}; 7 is drift). See: journalctl -u ${name}.service`;
    return lines(
        "[Unit]",
        `Description=Alert about the nightly check of ${specifiers(stack)}`,
        "",
        "[Service]",
        "Type=oneshot",
        "# Replace it with what alerts on this host: mail, a webhook.",
        `ExecStart=/bin/sh -c 'logger -t ${specifiers(name)} -p daemon.crit "${specifiers(text)}"'`,
    );
}

/** @throws PassthroughError for what systemd would read as another line: nothing in a unit file can escape it */
function lines(...all: readonly string[]): string {
    const wrong = all.find((line) => /\p{Cc}|\\$/u.test(line));
    if (wrong !== undefined) {
        throw new PassthroughError("it has a control character, or ends with a backslash", {
            code: "CONFIG_INVALID",
            thing: `line ${JSON.stringify(wrong)} of a systemd unit`,
            fix: "give names and paths without them, and start this in a folder without them",
        });
    }
    return `${all.join("\n")}\n`;
}

/** systemd.unit(5), "Specifiers". */
function specifiers(text: string): string {
    return text.replaceAll("%", "%%");
}

/** systemd.syntax(7), "Quoting". */
function quoted(text: string): string {
    return `"${specifiers(text).replace(/[\\"]/g, "\\$&")}"`;
}
