import { log } from "@pulumi/pulumi";

/** The key with which the engine marks a secret in what it sends to programs (Pulumi's `specialSigKey`). */
const SECRET_MARK = "4dabf18193072939515e22adb298388d";

/**
 * Cuts every debug message of this program off at the first secret in it. With `--debug`, Pulumi's SDK logs whole responses
 * of the engine with the secrets of robot accounts in the clear: the engine itself hides only those of the configuration.
 */
export function keepSecretsOutOfDebugLog(): void {
    const { debug } = log;
    const cut: typeof debug = (message, ...more) => debug(upToSecrets(message), ...more);
    // The SDK calls it by this object, which is the module's own.
    Object.assign(log, { debug: cut });
}

function upToSecrets(message: string): string {
    const [before = "", ...after] = message.split(SECRET_MARK);
    return after.length === 0 ? message : `${before}[withheld from here on: secrets]`;
}
