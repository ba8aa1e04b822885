// A page that does all of it itself.

import * as programs from "./programs.js";

Object.assign(globalThis, { programs });
