import { PassthroughError, errorMessage } from "../errors/errors";
import { type BuiltImage, NOBODY, USERS, buildImage } from "./build-image";
import { type Needs, readNeeds } from "./elf";
import { tarLayer } from "./tar-layer";

/**
 * The image of a plain registry, of its program alone: releases of distribution are statically linked, so it needs no base
 * image. The same program makes the same digest.
 * @param program path of `registry` of github.com/distribution/distribution
 * @throws PassthroughError `REGISTRY_PROGRAM_INVALID` if the program cannot be read, needs libraries, or is for no known machine
 */
export async function registryImage(program: string): Promise<BuiltImage> {
    const { architecture, interpreter, libraries } = needsOf(program);
    if (interpreter !== undefined || libraries.length > 0)
        throw unusable(program, `it needs libraries (${[interpreter, ...libraries].filter(Boolean).join(", ")})`);
    if (architecture === undefined) throw unusable(program, "it is for a machine that OpenShift does not run on");
    const layer = await tarLayer([USERS, { path: "usr/bin/registry", content: { file: program }, isProgram: true }]);
    return buildImage({
        ...{ architecture, title: "distribution", layers: [layer] },
        config: { User: NOBODY, Env: ["PATH=/usr/bin"], Entrypoint: ["registry"] },
    });
}

function needsOf(program: string): Needs {
    try {
        return readNeeds(program);
    } catch (error) {
        throw unusable(program, errorMessage(error));
    }
}

function unusable(program: string, problem: string): PassthroughError {
    return new PassthroughError(problem, {
        code: "REGISTRY_PROGRAM_INVALID",
        thing: program,
        fix: "give the program of a release of github.com/distribution/distribution, or the one of the kit",
    });
}
