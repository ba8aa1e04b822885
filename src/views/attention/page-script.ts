// What the page of a model's attention does in a browser. The function is put into the page as its own source text, so it may use
// nothing from outside itself but its argument and the document.

export interface PageHead {
  readonly layer: number;
  readonly head: number;
  readonly mechanism: string;
  /** Int16, little-endian, base64: sign · 32767 · √(|weight| / largest), row by row. */
  readonly weights: string;
}

export interface PageMatrix {
  readonly name: string;
  readonly letters: string;
  /** Null on the diagonal. */
  readonly values: readonly (readonly (number | null)[])[];
  readonly mean: number;
  readonly deviation: number;
}

export interface PageData {
  /** What each token is drawn as: a letter, or a piece of a text. */
  readonly labels: readonly string[];
  /** Whether labels have any width. */
  readonly arePieces: boolean;
  /** "C40" of each token. */
  readonly names: readonly string[];
  /** A CSS class of each token. */
  readonly classes: readonly string[];
  /** The CSS class of each kind of residue, by its letter. */
  readonly classOf: Readonly<Record<string, string>>;
  readonly causal: boolean;
  readonly darkest: number;
  readonly largest: number;
  readonly heads: readonly PageHead[];
  readonly firstToken: number;
  readonly amountStops: readonly (readonly number[])[];
  readonly differenceStops: readonly (readonly number[])[];
  readonly deviations: number;
  /** The substitution matrix, and the model's; empty without. */
  readonly matrices: readonly PageMatrix[];
}

/** Draws the maps and answers the reader. */
export function explore(data: PageData): void {
  const length = data.names.length;
  const find = (id: string): HTMLElement => {
    const element = document.getElementById(id);
    if (element === null) throw new Error(`the page must have #${id}`);
    return element;
  };
  const make = (tag: string, parent: Element, className = "", text = ""): HTMLElement => {
    const element = document.createElement(tag);
    if (className !== "") element.className = className;
    if (text !== "") element.textContent = text;
    parent.appendChild(element);
    return element;
  };
  const visible = (query: number): number => (data.causal ? query + 1 : length);
  const colour = (stops: readonly (readonly number[])[], share: number): number[] => {
    const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
    const below = Math.min(stops.length - 2, Math.floor(place));
    return [0, 1, 2].map((channel) => {
      const from = stops[below]?.[channel] ?? 0;
      return Math.round(from + (place - below) * ((stops[below + 1]?.[channel] ?? 0) - from));
    });
  };
  const decode = (text: string): Float32Array => {
    const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
    const view = new DataView(bytes.buffer);
    return Float32Array.from({ length: length * length }, (_, index) => {
      const root = view.getInt16(2 * index, true) / 32767;
      return Math.sign(root) * root * root * data.largest;
    });
  };
  const maps = data.heads.map(({ weights }) => decode(weights));
  const mean = Float32Array.from({ length: length * length }, (_, index) => {
    let sum = 0;
    for (const map of maps) sum += map[index] ?? 0;
    return sum / maps.length;
  });
  const name = (index: number): string => {
    const head = data.heads[index];
    return head === undefined
      ? `mean of ${maps.length} heads`
      : `layer ${head.layer}, head ${head.head} (${head.mechanism})`;
  };
  /** The map of a head, or the mean of all for −1. */
  const mapOf = (index: number): Float32Array => maps[index] ?? mean;
  const paint = (canvas: HTMLCanvasElement, weights: Float32Array): void => {
    canvas.width = length;
    canvas.height = length;
    const context = canvas.getContext("2d");
    if (context === null) return;
    const image = context.createImageData(length, length);
    for (let query = 0; query < length; query++) {
      for (let key = 0; key < length; key++) {
        const index = query * length + key;
        const times = (weights[index] ?? 0) * visible(query);
        const rgb = colour(data.amountStops, Math.sqrt(Math.max(0, times) / data.darkest));
        image.data.set([rgb[0] ?? 0, rgb[1] ?? 0, rgb[2] ?? 0, 255], 4 * index);
      }
    }
    context.putImageData(image, 0, 0);
  };
  const percent = (weight: number): string => `${(100 * weight).toPrecision(3)} %`;

  let selected = -1;
  let token = data.firstToken;
  let received = false;

  // Thumbnails: the mean, then head by head.
  const thumbnails = [-1, ...data.heads.keys()].map((index) => {
    const head = data.heads[index];
    const button = make("button", find("thumbnails"), "thumbnail");
    button.setAttribute("type", "button");
    button.setAttribute("aria-label", `Show the map of ${name(index)}`);
    const canvas = document.createElement("canvas");
    button.appendChild(canvas);
    make("span", button, "", head === undefined ? "mean" : `${head.layer}.${head.head}`);
    paint(canvas, mapOf(index));
    button.addEventListener("click", () => select(index));
    return button;
  });

  // The large map.
  // Pieces of a text have their room beside the map.
  const [room, mostCell] = data.arePieces ? [800, 32] : [960, 16];
  const cell = Math.max(2, Math.min(mostCell, Math.floor(room / length)));
  const large = document.createElement("canvas");
  large.className = "large";
  large.style.width = `${cell * length}px`;
  large.style.height = `${cell * length}px`;
  let size = cell;
  const frame = find("large");
  for (const id of ["large", "letters"]) find(id).classList.toggle("pieces", data.arePieces);
  for (const side of ["top", "left"]) {
    const axis = make("div", frame, `axis ${side}`);
    for (let place = 0; place < length; place++) make("i", axis, data.classes[place], data.labels[place]);
  }
  frame.appendChild(large);
  const resize = (to: number): void => {
    size = Math.max(2, Math.min(40, to));
    frame.style.setProperty("--cell", `${size}px`);
    large.style.width = `${size * length}px`;
    large.style.height = `${size * length}px`;
    frame.classList.toggle("unlettered", size < 8);
  };
  resize(cell);
  find("larger").addEventListener("click", () => resize(size + 2));
  find("smaller").addEventListener("click", () => resize(size - 2));
  const cellAt = (event: MouseEvent): readonly [number, number] => {
    const box = large.getBoundingClientRect();
    const at = (share: number) => Math.min(length - 1, Math.max(0, Math.floor(share * length)));
    return [at((event.clientY - box.top) / box.height), at((event.clientX - box.left) / box.width)];
  };
  large.addEventListener("mousemove", (event) => {
    const [query, key] = cellAt(event);
    const weight = mapOf(selected)[query * length + key] ?? 0;
    find("reading").textContent =
      `${data.names[query]} → ${data.names[key]}: ${percent(weight)}, ${(weight * visible(query)).toFixed(2)} × uniform`;
  });
  large.addEventListener("click", (event) => {
    token = cellAt(event)[0];
    show();
  });

  // The sequence, letter by letter or piece by piece.
  const letters = Array.from({ length }, (_, place) => {
    const button = make("button", find("letters"), data.classes[place], data.labels[place]);
    button.setAttribute("type", "button");
    button.title = data.names[place] ?? "";
    button.addEventListener("click", () => {
      token = place;
      show();
    });
    return button;
  });
  for (const [id, value] of [
    ["gives", false],
    ["receives", true],
  ] as const) {
    find(id).addEventListener("change", () => {
      received = value;
      show();
    });
  }

  // Pieces stand upright below the bars, where letters of ten pixels have room side by side.
  const hasPieces = data.arePieces && length <= 96;
  if (hasPieces) find("arcs").setAttribute("viewBox", "0 0 960 376");
  const shortened = (label: string): string => {
    const all = Array.from(label);
    return all.length <= 14 ? label : `${all.slice(0, 13).join("")}…`;
  };

  /** Arcs from the chosen token, as thick and dark as the attention; bars of the same below. */
  const show = (): void => {
    const map = mapOf(selected);
    const weights = Array.from({ length }, (_, other) => {
      const [query, key] = received ? [other, token] : [token, other];
      return {
        other,
        weight: map[query * length + key] ?? 0,
        times: (map[query * length + key] ?? 0) * visible(query),
      };
    });
    // As in tokens-figure.ts: beside the token itself, or the special ones of a text, all others would often look alike.
    const isMeasure = (other: number) => other !== token && !(data.arePieces && data.classes[other] === "around");
    const largest = Math.max(1e-9, ...weights.map(({ other, times }) => (isMeasure(other) ? times : 0)));
    const itself = weights[token];
    const [width, middle, base] = [960, 960 / length, 190];
    const x = (place: number) => (place + 0.5) * middle;
    const svg = find("arcs");
    svg.replaceChildren();
    const draw = (tag: string, attributes: Readonly<Record<string, string | number>>, text = ""): void => {
      const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
      for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
      element.textContent = text;
      svg.appendChild(element);
    };
    for (const { other, times } of weights) {
      const share = Math.min(1, Math.max(0, times) / largest);
      const kind = data.classes[other] ?? "";
      const left = other * middle;
      draw("rect", {
        x: left,
        y: base + 8,
        width: 0.8 * middle,
        height: share * 70,
        class: `bar ${kind}`,
      });
      if (hasPieces) {
        const at = x(other) + 4;
        const transform = `rotate(-90 ${at} ${base + 84})`;
        const place = { x: at, y: base + 84, transform, "text-anchor": "end", class: `piece ${kind}` };
        draw("text", { ...place, "font-weight": other === token ? 700 : 400 }, shortened(data.labels[other] ?? ""));
      }
      if (other === token || share < 0.08) continue;
      const radius = Math.abs(x(other) - x(token)) / 2;
      const height = Math.min(radius, base - 10);
      draw("path", {
        d: `M ${x(token)} ${base} A ${radius} ${height} 0 0 ${other > token ? 1 : 0} ${x(other)} ${base}`,
        class: `arc ${kind}`,
        "stroke-opacity": share.toFixed(3),
        "stroke-width": (0.5 + 2.5 * share).toFixed(2),
      });
    }
    draw("line", { x1: 0, x2: width, y1: base + 4, y2: base + 4, class: "line" });
    draw("circle", { cx: x(token), cy: base + 4, r: 5, class: "dot" });
    letters.forEach((letter, place) => letter.setAttribute("aria-pressed", String(place === token)));
    const best = weights
      .filter(({ other, weight }) => other !== token && weight > 0)
      .sort((a, b) => b.times - a.times)
      .slice(0, 6)
      .map(({ other, weight, times }) => `${data.names[other]} ${percent(weight)} (${times.toFixed(1)} ×)`);
    // Told where its bar is cut.
    const own = itself !== undefined && itself.times > largest ? `; itself ${percent(itself.weight)}` : "";
    find("who").textContent =
      `${data.names[token]}, ${name(selected)}: ${received ? "attended to most by" : "attends most to"} ${best.join(", ") || "nobody else"}${own}`;
  };

  const select = (index: number): void => {
    selected = index;
    paint(large, mapOf(index));
    find("which").textContent = name(index);
    thumbnails.forEach((button, place) => button.setAttribute("aria-pressed", String(place === index + 1)));
    show();
  };
  select(-1);

  // The amino acids.
  for (const { name: title, letters: order, values, mean: middle, deviation } of data.matrices) {
    const figure = make("figure", find("matrices"));
    make("figcaption", figure, "", title);
    const table = make("div", figure, "matrix");
    table.style.setProperty("--count", String(order.length + 1));
    make("i", table);
    for (const letter of order) make("i", table, data.classOf[letter], letter);
    order.split("").forEach((rowLetter, row) => {
      make("i", table, data.classOf[rowLetter], rowLetter);
      order.split("").forEach((columnLetter, column) => {
        const value = values[row]?.[column] ?? null;
        const square = make("b", table);
        if (value === null) return;
        const share = ((value - middle) / deviation / data.deviations + 1) / 2;
        square.style.background = `rgb(${colour(data.differenceStops, share).join(",")})`;
        square.addEventListener("mouseenter", () => {
          const all = data.matrices.map((matrix) => {
            const [a, b] = [matrix.letters.indexOf(rowLetter), matrix.letters.indexOf(columnLetter)];
            return `${matrix.name} ${Number((matrix.values[a]?.[b] ?? 0).toPrecision(3))}`;
          });
          find("pair").textContent = `${rowLetter} and ${columnLetter}: ${all.join(", ")}`;
        });
      });
    });
  }
}
