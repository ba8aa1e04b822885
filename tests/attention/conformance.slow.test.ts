/** Every feature map against its twin: both directions, masks, a projection a head, none at all, large norms. */
import { describe } from "vitest";
import { describeConformance, mapCases, mapSubjects } from "./subjects.ts";

describe.each(Object.entries(mapSubjects))("the map %s", (_, subject) => describeConformance(subject, mapCases));
