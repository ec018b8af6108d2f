#!/usr/bin/env node
// Behaves as the installer of mirror-registry (github.com/quay/mirror-registry): flags and their defaults of cmd/install.go,
// cmd/upgrade.go and cmd/uninstall.go; files, units and exit codes of the role mirror_appliance. It registers the first user
// at the Quay that $QUAY_URL names, where there is one.
import { appendFileSync, chmodSync, cpSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";

const HERE = dirname(process.argv[1]);
const STATE = process.env.HOST_STATE;
const { version } = JSON.parse(readFileSync(join(HERE, "version.json"), "utf8"));
const UNITS = ["quay-pod", "quay-redis", "quay-app"];
const COMMON = ["targetHostname", "targetUsername", "quayRoot", "quayStorage", "sqliteStorage", "ssh-key"];
const FLAGS = {
    install: [...COMMON, "quayHostname", "sslCert", "sslKey", "initUser", "initPassword", "image-archive"],
    // --sslCert and --sslKey since 2.0.11.
    upgrade: [...COMMON, "quayHostname", "image-archive"],
    uninstall: COMMON,
};
const SWITCHES = { install: ["sslCheckSkip", "askBecomePass"], upgrade: ["askBecomePass"], uninstall: ["autoApprove"] };

const say = (text) => process.stdout.write(`${text}\n`);
const task = (name) => say(`\nTASK [mirror_appliance : ${name}] ****************`);
/** cmd/utils.go, check: whatever the error, the status is 1. */
function fail(message) {
    process.stderr.write(`time="2026-01-01 00:00:00" level=error msg="An error occurred: ${message}"\n`);
    process.exit(1);
}

const [command, ...words] = process.argv.slice(2);
appendFileSync(join(STATE, "log"), `mirror-registry ${process.argv.slice(2).join(" ")}\n`);
say("   __   __\n  /  \\ /  \\     ______   _    _     __   __   __");
if (command === "--version") {
    say(version === "" ? "mirror-registry version dev" : `mirror-registry version v${version}`);
    process.exit(0);
}
if (!(command in FLAGS)) {
    process.stderr.write(`Error: unknown command "${command}" for "mirror-registry"\n`);
    process.exit(1);
}
const flags = parse(words);
for (const file of ["execution-environment.tar", ...(command === "uninstall" ? [] : ["image-archive.tar"])])
    if (!existsSync(join(HERE, file))) fail(`Could not find ${file} at ${join(HERE, file)}`);
// It unpacks its images into the current folder.
if (command !== "uninstall" && process.cwd() !== HERE) fail("exit status 1");
if (existsSync(join(STATE, "root-login-refused")))
    ansible('fatal: [root@localhost]: UNREACHABLE! => {"changed": false, "msg": "Permission denied (publickey)."}');
if (existsSync(join(STATE, "disk-full"))) {
    process.stderr.write('Error: writing blob: storing blob to file "/var/tmp/storage1": No space left on device\n');
    fail("exit status 125");
}

const root = flags.quayRoot;
const config = join(root, "quay-config");
if (command === "install") await install();
if (command === "upgrade") upgrade();
if (command === "uninstall") uninstall();

function parse(given) {
    const found = {};
    for (let at = 0; at < given.length; at++) {
        const name = given[at].replace(/^--/, "");
        if (name === "no-color" || name === "verbose") continue;
        if (SWITCHES[command].includes(name)) found[name] = true;
        else if (FLAGS[command].includes(name) && given[at + 1] !== undefined) found[name] = given[++at];
        else {
            process.stderr.write(`Error: unknown flag: --${name}\n`);
            process.exit(1);
        }
    }
    return found;
}

/** ansible-playbook ends with 2 for a failed task and 4 for a host that is not reached; the installer with 1. */
function ansible(line) {
    say(
        "[WARNING]: Platform linux on host root@localhost is using the discovered Python interpreter, and it\ncannot be denied that a later one failed.",
    );
    say(line);
    fail(`exit status ${line.includes("UNREACHABLE") ? 4 : 2}`);
}

async function install() {
    // tasks/secret-vars.yaml: before 2.0.11 the secrets are new each time, and that of Redis stays in podman.
    const isKept = version.localeCompare("2.0.11", undefined, { numeric: true }) >= 0;
    const former =
        existsSync(join(config, "config.yaml")) && isKept ? readFileSync(join(config, "config.yaml"), "utf8") : "";
    const secret =
        /SECRET_KEY: (\S+)/.exec(former)?.[1] ?? `secret-${process.pid}-${Math.trunc(process.uptime() * 1e6)}`;
    task("Start Quay Pod service");
    unit("quay-pod");
    task("Start Redis service");
    const redis = join(STATE, "redis_pass");
    if (!existsSync(redis)) writeFileSync(redis, secret);
    unit("quay-redis");
    // install-quay-service.yaml
    for (const folder of [flags.quayStorage, flags.sqliteStorage, config]) mkdirSync(folder, { recursive: true });
    // The keys that are looked at, of templates/config.yaml.j2.
    const lines = [
        "FEATURE_ANONYMOUS_ACCESS: true",
        "FEATURE_USER_CREATION: true",
        `SECRET_KEY: ${secret}`,
        `SERVER_HOSTNAME: ${flags.quayHostname}`,
        "FEATURE_USER_INITIALIZE: true",
    ];
    writeFileSync(join(config, "config.yaml"), `${lines.join("\n")}\n`);
    chmodSync(join(config, "config.yaml"), 0o750);
    cpSync(flags.sslCert, join(config, "ssl.cert"));
    cpSync(flags.sslKey, join(config, "ssl.key"));
    if (existsSync(join(STATE, "die"))) {
        rmSync(join(STATE, "die"));
        process.kill(process.pid, "SIGKILL");
    }
    task("Start Quay service");
    unit("quay-app");
    waitForQuay(readFileSync(redis, "utf8") === secret);
    task(`Creating init user at endpoint https://${flags.quayHostname}/api/v1/user/initialize`);
    await initialize();
    say(
        `Quay is available at https://${flags.quayHostname} with credentials (${flags.initUser}, ${flags.initPassword})`,
    );
}

function upgrade() {
    // upgrade-config-vars.yaml reads it.
    if (!existsSync(join(config, "config.yaml")))
        ansible('fatal: [root@localhost]: FAILED! => {"msg": "file not found: config.yaml"}');
    for (const name of UNITS) {
        task(`Upgrade ${name}`);
        unit(name);
    }
    waitForQuay(true);
}

function uninstall() {
    // tasks/uninstall.yaml has `become`. What Ansible says is printed with --verbose only (cmd/uninstall.go).
    if (existsSync(join(STATE, "no-sudo"))) {
        const line = `fatal: [root@localhost]: FAILED! => {"changed": false, "module_stdout": "/bin/sh: 1: sudo: not found\\r\\n", "rc": 127}`;
        if (words.includes("--verbose")) say(line);
        fail("exit status 2");
    }
    for (const name of [...UNITS].reverse())
        for (const folder of ["units", "active", "enabled"])
            rmSync(join(STATE, folder, `${name}.service`), { force: true });
    rmSync(join(STATE, "redis_pass"), { force: true });
    if (flags.autoApprove !== true) return;
    for (const folder of [root, flags.quayStorage, flags.sqliteStorage])
        rmSync(folder, { recursive: true, force: true });
}

function unit(name) {
    for (const folder of ["units", "active", "enabled"]) mkdirSync(join(STATE, folder), { recursive: true });
    writeFileSync(join(STATE, "units", `${name}.service`), `[Service]\n# ${name} ${version} ${flags.quayRoot}\n`);
    writeFileSync(join(STATE, "enabled", `${name}.service`), "");
    writeFileSync(join(STATE, "active", `${name}.service`), "active running\n");
}

/** tasks/wait-for-quay.yaml */
function waitForQuay(answers) {
    task("Waiting up to 3 minutes for Quay to become alive");
    if (!answers)
        ansible(
            'fatal: [root@localhost]: FAILED! => {"msg": "Quay did not become alive, see systemctl status output"}',
        );
}

/** tasks/create-init-user.yaml takes 200 and 400. */
async function initialize() {
    if (process.env.QUAY_URL === undefined) return;
    const body = JSON.stringify({
        username: flags.initUser,
        password: flags.initPassword,
        email: "init@quay.io",
        access_token: "true",
    });
    const headers = { "content-type": "application/json" };
    const { status } = await fetch(`${process.env.QUAY_URL}/api/v1/user/initialize`, { method: "POST", headers, body });
    if (status !== 200 && status !== 400) ansible(`fatal: [root@localhost]: FAILED! => {"status": ${status}}`);
}
