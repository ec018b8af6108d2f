import type { RegistryError } from "../errors/errors";
import type { Credentials } from "../http/credentials";

/** What is wanted of a robot account. */
export interface DesiredRobot {
    /** Its short name, with its generation: `importer-2`. */
    readonly name: string;
    readonly namespace: string;
    /** `push` includes pull; `pull` is nothing but pull. */
    readonly right: "push" | "pull";
    /** Removes images too, where `capabilities.removalNeedsRight`. */
    readonly removes?: boolean;
    /**
     * Who made it and what for. It is how own half-done work is known again: a robot account of the same name with
     * another description is somebody else's, and is never touched.
     */
    readonly description: string;
    /** After how many days the registry ends it by itself, where `capabilities.robotExpiry`. */
    readonly days?: number;
    /** With how many days an existing account may stay as it is; absent: with `days` only. */
    readonly leastDays?: number;
    /** When an existing account ends as this stack left it, RFC 3339: an end that may be later than `days` say. */
    readonly until?: string;
    /** An update leaves an account disabled that somebody has disabled. */
    readonly staysDisabled?: true;
}

/** A robot account as state keeps it: nothing secret. */
export interface Robot {
    /** What the registry knows it by. */
    readonly id: string;
    /** The user name to log in with: `robot$mirror+importer-2`. */
    readonly username: string;
    /** RFC 3339. */
    readonly createdAt: string;
    /** RFC 3339; absent if it never ends by itself. */
    readonly expiresAt?: string;
}

/** A robot account as it was found. */
export interface FoundRobot {
    readonly robot: Robot;
    /** What an update would put right, as sentences: "disabled", "may also delete". */
    readonly differences: readonly string[];
    /** True if the registry still takes its secret, or cannot be asked while one of the differences stands in the way. */
    readonly isAccepted: boolean;
}

/** A robot account of a namespace, whoever created it. */
export interface ListedRobot {
    /** Short name: `puller-1`. */
    readonly name: string;
    readonly description: string;
    readonly robot: Robot;
}

/** A robot account with what to log in with. */
export interface RobotLogin {
    readonly robot: Robot;
    readonly credentials: Credentials;
}

/** New secrets for robot accounts that keep their names. */
export interface SecretRenewal {
    /** Why the administering account may not give new secrets; undefined if it may, or only the attempt shows it. */
    refusal(): Promise<RegistryError | undefined>;
    /**
     * Puts right what `read` finds different, lifetime included, and gives the account a new secret. From then on the
     * registry rejects the old one. Whether it accepts the new one is not asked here: a secret that is returned is known,
     * whatever fails after it.
     */
    renew(known: Robot, desired: DesiredRobot): Promise<RobotLogin>;
}

/** Robot accounts of a registry, with what gives them their rights there (Quay: their prototypes). */
export interface RobotAdmin {
    /**
     * Makes the robot account and proves that the registry takes it. One that an earlier create of this resource left behind
     * (same name, same description) is taken over with a secret that is known here.
     * @returns undefined if the name is somebody else's
     */
    create(desired: DesiredRobot): Promise<RobotLogin | undefined>;
    /** True if the name is somebody else's, so that `create` would return undefined. */
    isTaken(desired: DesiredRobot): Promise<boolean>;
    /** undefined only if the registry definitely says that it is not there. */
    read(known: Robot, desired: DesiredRobot, credentials: Credentials): Promise<FoundRobot | undefined>;
    /** False only if the registry definitely says that this very account is not there. */
    exists(known: Robot, desired: Pick<DesiredRobot, "name" | "namespace">): Promise<boolean>;
    /** The robot accounts of a namespace whose short name `wanted` accepts, whoever created them; empty without the namespace. */
    list(namespace: string, wanted: (name: string) => boolean): Promise<readonly ListedRobot[]>;
    /** Puts right what `read` found different; the secret stays. */
    update(known: Robot, desired: DesiredRobot): Promise<Robot>;
    /** Present where `capabilities.secretRenewal`. */
    readonly renewal?: SecretRenewal;
    /** Removes it; one that is gone is fine. */
    remove(known: Robot, desired: Pick<DesiredRobot, "name" | "namespace">): Promise<void>;
}
