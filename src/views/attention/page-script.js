// What the page of a model's attention does in a browser: it draws the maps and answers the reader. Its text is put
// into the page, so it is plain JavaScript and imports nothing.

/** @type {import("./page-data.ts").PageData} */
const data = JSON.parse(find("data").textContent);
const { labels, arePieces, names, classes, heads, matrices } = data;
const length = names.length;
const maps = heads.map(({ weights }) => decode(weights));
const mean = Float32Array.from({ length: length * length }, (_, index) => {
  let sum = 0;
  for (const map of maps) sum += map[index] ?? 0;
  return sum / maps.length;
});
/** Pieces stand upright below the bars, where letters of ten pixels have room side by side. */
const hasPieces = arePieces && length <= 96;

let selected = -1;
let token = data.firstToken;
let received = false;

const thumbnails = [-1, ...heads.keys()].map(makeThumbnail);
const large = makeLargeMap();
const letters = names.map(makeLetter);
listenToDirections();
if (hasPieces) find("arcs").setAttribute("viewBox", "0 0 960 376");
select(-1);
for (const matrix of matrices) makeMatrix(matrix);

function find(/** @type {string} */ id) {
  const element = document.getElementById(id);
  if (element === null) throw new Error(`the page must have #${id}`);
  return element;
}

function make(/** @type {string} */ tag, /** @type {Element} */ parent, className = "", text = "") {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  if (text !== "") element.textContent = text;
  parent.appendChild(element);
  return element;
}

/** The weights of a head from `PageHead.weights`. */
function decode(/** @type {string} */ text) {
  const bytes = Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
  const view = new DataView(bytes.buffer);
  return Float32Array.from({ length: length * length }, (_, index) => {
    const root = view.getInt16(2 * index, true) / 32767;
    return Math.sign(root) * root * root * data.largest;
  });
}

/** Keys that a query sees. */
function visible(/** @type {number} */ query) {
  return data.causal ? query + 1 : length;
}

/**
 * @param {readonly (readonly number[])[]} stops
 * @param {number} share from 0 to 1
 */
function colour(stops, share) {
  const place = Math.min(1, Math.max(0, share)) * (stops.length - 1);
  const below = Math.min(stops.length - 2, Math.floor(place));
  return [0, 1, 2].map((channel) => {
    const from = stops[below]?.[channel] ?? 0;
    return Math.round(from + (place - below) * ((stops[below + 1]?.[channel] ?? 0) - from));
  });
}

/** @param {number} index of a head, or −1 for the mean of all */
function nameOf(index) {
  const head = heads[index];
  return head === undefined
    ? `mean of ${maps.length} heads`
    : `layer ${head.layer}, head ${head.head} (${head.mechanism})`;
}

/** @param {number} index of a head, or −1 for the mean of all */
function mapOf(index) {
  return maps[index] ?? mean;
}

function paint(/** @type {HTMLCanvasElement} */ canvas, /** @type {Float32Array} */ weights) {
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
}

/** @param {number} weight */
function percent(weight) {
  return `${(100 * weight).toPrecision(3)} %`;
}

/** @param {number} index of a head, or −1 for the mean of all */
function makeThumbnail(index) {
  const head = heads[index];
  const button = make("button", find("thumbnails"), "thumbnail");
  button.setAttribute("type", "button");
  button.setAttribute("aria-label", `Show the map of ${nameOf(index)}`);
  const canvas = document.createElement("canvas");
  button.appendChild(canvas);
  make("span", button, "", head === undefined ? "mean" : `${head.layer}.${head.head}`);
  paint(canvas, mapOf(index));
  button.addEventListener("click", () => select(index));
  return button;
}

function makeLargeMap() {
  const canvas = document.createElement("canvas");
  canvas.className = "large";
  const frame = find("large");
  for (const id of ["large", "letters"]) find(id).classList.toggle("pieces", arePieces);
  for (const side of ["top", "left"]) {
    const axis = make("div", frame, `axis ${side}`);
    for (let place = 0; place < length; place++) make("i", axis, classes[place], labels[place]);
  }
  frame.appendChild(canvas);
  // Pieces of a text have their room beside the map.
  const [room, mostCell] = arePieces ? [800, 32] : [960, 16];
  let size = 0;
  resize(Math.min(mostCell, Math.floor(room / length)));
  find("larger").addEventListener("click", () => resize(size + 2));
  find("smaller").addEventListener("click", () => resize(size - 2));
  canvas.addEventListener("mousemove", (event) => {
    const [query, key] = cellAt(canvas, event);
    const weight = mapOf(selected)[query * length + key] ?? 0;
    find("reading").textContent =
      `${names[query]} → ${names[key]}: ${percent(weight)}, ${(weight * visible(query)).toFixed(2)} × uniform`;
  });
  canvas.addEventListener("click", (event) => {
    token = cellAt(canvas, event)[0];
    show();
  });
  return canvas;

  /** @param {number} to pixels of a cell */
  function resize(to) {
    size = Math.max(2, Math.min(40, to));
    frame.style.setProperty("--cell", `${size}px`);
    canvas.style.width = `${size * length}px`;
    canvas.style.height = `${size * length}px`;
    frame.classList.toggle("unlettered", size < 8);
  }
}

/**
 * @param {HTMLCanvasElement} canvas
 * @param {MouseEvent} event
 * @returns {readonly [number, number]} query and key
 */
function cellAt(canvas, event) {
  const box = canvas.getBoundingClientRect();
  const at = (/** @type {number} */ share) => Math.min(length - 1, Math.max(0, Math.floor(share * length)));
  return [at((event.clientY - box.top) / box.height), at((event.clientX - box.left) / box.width)];
}

/** A letter or a piece of the sequence. */
function makeLetter(/** @type {string} */ name, /** @type {number} */ place) {
  const button = make("button", find("letters"), classes[place], labels[place]);
  button.setAttribute("type", "button");
  button.title = name;
  button.addEventListener("click", () => {
    token = place;
    show();
  });
  return button;
}

function listenToDirections() {
  for (const id of ["gives", "receives"]) {
    find(id).addEventListener("change", () => {
      received = id === "receives";
      show();
    });
  }
}

/** @param {number} index of a head, or −1 for the mean of all */
function select(index) {
  selected = index;
  paint(large, mapOf(index));
  find("which").textContent = nameOf(index);
  thumbnails.forEach((button, place) => button.setAttribute("aria-pressed", String(place === index + 1)));
  show();
}

/** The attention between the chosen token and each one, in the chosen direction. */
function weightsOfToken() {
  const map = mapOf(selected);
  return names.map((_, other) => {
    const [query, key] = received ? [other, token] : [token, other];
    const weight = map[query * length + key] ?? 0;
    return { other, weight, times: weight * visible(query) };
  });
}

/** Arcs from the chosen token, as thick and dark as the attention; bars of the same below. */
function show() {
  const weights = weightsOfToken();
  // As in tokens-figure.ts: beside the token itself, or the special ones of a text, all others would often look alike.
  const isMeasure = (/** @type {number} */ other) => other !== token && !(arePieces && classes[other] === "around");
  const largest = Math.max(1e-9, ...weights.map(({ other, times }) => (isMeasure(other) ? times : 0)));
  const itself = weights[token];
  const [width, middle, base] = [960, 960 / length, 190];
  const x = (/** @type {number} */ place) => (place + 0.5) * middle;
  find("arcs").replaceChildren();
  for (const { other, times } of weights) {
    const share = Math.min(1, Math.max(0, times) / largest);
    const kind = classes[other] ?? "";
    draw("rect", { x: other * middle, y: base + 8, width: 0.8 * middle, height: share * 70, class: `bar ${kind}` });
    if (hasPieces) {
      const at = x(other) + 4;
      const transform = `rotate(-90 ${at} ${base + 84})`;
      const place = { x: at, y: base + 84, transform, "text-anchor": "end", class: `piece ${kind}` };
      draw("text", { ...place, "font-weight": other === token ? 700 : 400 }, shortened(labels[other] ?? ""));
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
    .map(({ other, weight, times }) => `${names[other]} ${percent(weight)} (${times.toFixed(1)} ×)`);
  // Told where its bar is cut.
  const own = itself !== undefined && itself.times > largest ? `; itself ${percent(itself.weight)}` : "";
  find("who").textContent =
    `${names[token]}, ${nameOf(selected)}: ${received ? "attended to most by" : "attends most to"} ${best.join(", ") || "nobody else"}${own}`;
}

function draw(
  /** @type {string} */ tag,
  /** @type {Readonly<Record<string, string | number>>} */ attributes,
  text = "",
) {
  const element = document.createElementNS("http://www.w3.org/2000/svg", tag);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
  element.textContent = text;
  find("arcs").appendChild(element);
}

/** @param {string} label */
function shortened(label) {
  const all = Array.from(label);
  return all.length <= 14 ? label : `${all.slice(0, 13).join("")}…`;
}

/**
 * The amino acids.
 *
 * @param {import("./page-data.ts").PageData["matrices"][number]} matrix
 */
function makeMatrix({ name, letters: order, values, mean: middle, deviation }) {
  const figure = make("figure", find("matrices"));
  make("figcaption", figure, "", name);
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
      square.addEventListener("mouseenter", () => showPair(rowLetter, columnLetter));
    });
  });
}

function showPair(/** @type {string} */ rowLetter, /** @type {string} */ columnLetter) {
  const all = matrices.map(({ name, letters: order, values }) => {
    const value = values[order.indexOf(rowLetter)]?.[order.indexOf(columnLetter)] ?? 0;
    return `${name} ${Number(value.toPrecision(3))}`;
  });
  find("pair").textContent = `${rowLetter} and ${columnLetter}: ${all.join(", ")}`;
}
