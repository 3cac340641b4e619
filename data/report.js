"use strict";
(() => {
  const { columns, checks, rows } = JSON.parse(document.getElementById("data").textContent);
  const grid = document.getElementById("grid");
  const form = document.getElementById("filters");
  const count = document.getElementById("count");
  const detail = document.getElementById("detail");
  const [FAILED, DIFFERENT] = [1, 2];
  // So many rows stand above and below what is seen; so many are printed.
  const [AROUND, MOST_PRINTED, MOST_WORDS] = [6, 500, 400];
  const ROW_PX = 9.5 * parseFloat(getComputedStyle(document.documentElement).fontSize);
  let shown = rows.map((_, place) => place);
  let active = 0;
  document.getElementById("unpassed").hidden = checks.length === 0;

  const make = (name, text, attributes = {}) => {
    const element = document.createElement(name);
    if (text !== undefined) element.textContent = text;
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };
  const dollars = (usd) => {
    if (usd === null) return "cost not known";
    if (usd === 0) return "$0";
    return `$${usd.toFixed(usd >= 1 ? 2 : Math.min(8, 2 - Math.floor(Math.log10(usd))))}`;
  };
  const between = (usd, least, most) => {
    if (usd !== null || least === undefined) return dollars(usd);
    return `cost not known: at least ${dollars(least)}${most === undefined ? "" : `, at most ${dollars(most)}`}`;
  };
  const figures = ([, , usd, seconds, tokensIn, tokensOut, passed, , least, most]) => {
    const told = [between(usd, least, most)];
    if (seconds !== null) told.push(`${seconds.toFixed(seconds < 10 ? 2 : 0)} s`);
    told.push(`${tokensIn.toLocaleString("en")} + ${tokensOut.toLocaleString("en")} tokens`);
    const judged = passed.replaceAll("-", "").length;
    if (judged > 0) told.push(`${passed.replaceAll(/[^1]/g, "").length} of ${judged} checks`);
    return told.join(" · ");
  };

  // The words of a text with the blanks before them, and which of them the other text does not have in that order.
  const words = (text) => text.match(/\s*\S+|\s+$/g) ?? [];
  const plain = (word) => word.trim().toLowerCase();
  const apart = (text, other) => {
    const [mine, theirs] = [words(text), words(other).map(plain)];
    if (mine.length > MOST_WORDS || theirs.length > MOST_WORDS) {
      const known = new Set(theirs);
      return mine.map((word) => [word, !known.has(plain(word))]);
    }
    const width = theirs.length + 1;
    const longest = new Uint16Array((mine.length + 1) * width);
    for (let one = mine.length - 1; one >= 0; one--)
      for (let two = theirs.length - 1; two >= 0; two--)
        longest[one * width + two] =
          plain(mine[one]) === theirs[two]
            ? longest[(one + 1) * width + two + 1] + 1
            : Math.max(longest[(one + 1) * width + two], longest[one * width + two + 1]);
    const found = [];
    let two = 0;
    for (let one = 0; one < mine.length; one++) {
      while (two < theirs.length && plain(mine[one]) !== theirs[two] && longest[one * width + two + 1] >= longest[(one + 1) * width + two]) two++;
      const same = two < theirs.length && plain(mine[one]) === theirs[two];
      found.push([mine[one], !same]);
      if (same) two++;
    }
    return found;
  };
  const written = (name, text, first) => {
    const element = make(name);
    if (first === undefined || !form.elements.marks.checked) {
      element.textContent = text;
      return element;
    }
    let run = "";
    let marked = false;
    const put = () => {
      if (run !== "") element.append(marked ? make("mark", run) : run);
      run = "";
    };
    for (const [word, isApart] of apart(text, first)) {
      if (isApart !== marked) {
        put();
        marked = isApart;
      }
      run += word;
    }
    put();
    return element;
  };
  /** The answer against which the others are marked: the first that there is. */
  const firstOf = (cells) => cells.find((cell) => cell !== null && cell[1] !== "");

  const cellOf = (cell, first) => {
    const element = make("td");
    if (cell === null) {
      element.append(make("small", "not asked"));
      return element;
    }
    const [status, text, , , , , , note] = cell;
    element.append(text === "" ? make("div", note || status, { class: "bad" }) : written("div", text, cell === first ? undefined : first?.[1]));
    element.append(make("small", status === "success" ? figures(cell) : `${status} · ${figures(cell)}`));
    return element;
  };
  const rowOf = (place, number) => {
    const [key, prompt, flags, cells] = rows[place];
    const row = make("tr", undefined, { "aria-rowindex": String(number + 2), tabindex: number === active ? "0" : "-1" });
    row.dataset.number = String(number);
    const question = make("td");
    question.append(make("div", prompt));
    const told = [key, ...(flags & FAILED ? ["failed"] : []), ...(flags & DIFFERENT ? ["different"] : [])];
    question.append(make("small", told.join(" · ")));
    const first = firstOf(cells);
    row.append(question, ...cells.map((cell) => cellOf(cell, first)));
    return row;
  };

  const table = make("table", undefined, { role: "grid", "aria-describedby": "keys", "aria-colcount": String(columns.length + 1) });
  table.append(make("caption", "Questions and answers"));
  const head = make("tr", undefined, { "aria-rowindex": "1" });
  for (const name of ["Question", ...columns]) head.append(make("th", name, { scope: "col" }));
  const body = make("tbody");
  const space = (px) => {
    const row = make("tr", undefined, { class: "space", "aria-hidden": "true" });
    const cell = make("td");
    cell.style.height = `${px}px`;
    row.append(cell);
    return row;
  };
  const thead = make("thead");
  thead.append(head);
  table.append(thead, body);
  grid.append(table);

  let drawn = "";
  const draw = (from, to) => {
    const focused = body.contains(document.activeElement);
    body.replaceChildren(
      ...(from > 0 ? [space(from * ROW_PX)] : []),
      ...shown.slice(from, to).map((place, index) => rowOf(place, from + index)),
      ...(to < shown.length ? [space((shown.length - to) * ROW_PX)] : []),
    );
    if (focused) focusActive();
  };
  const update = () => {
    const first = Math.max(0, Math.floor(grid.scrollTop / ROW_PX) - AROUND);
    const last = Math.min(shown.length, Math.ceil((grid.scrollTop + grid.clientHeight) / ROW_PX) + AROUND);
    const now = `${first}-${last}`;
    if (now === drawn) return;
    drawn = now;
    draw(first, last);
  };
  const redraw = () => {
    drawn = "";
    update();
  };
  const focusActive = () => body.querySelector(`[data-number="${active}"]`)?.focus({ preventScroll: true });

  const cost = (row, member) => Math.max(0, ...row[3].map((cell) => cell?.[member] ?? 0));
  const ORDERS = {
    longest: (row) => Math.max(0, ...row[3].map((cell) => cell?.[1].length ?? 0)),
    dearest: (row) => row[3].reduce((sum, cell) => sum + (cell?.[2] ?? cell?.[9] ?? cell?.[8] ?? 0), 0),
    slowest: (row) => cost(row, 3),
  };
  const filter = () => {
    const { failed, different, unpassed, order, find } = form.elements;
    const wanted = find.value.trim().toLowerCase();
    const holds = ([key, prompt, , cells]) =>
      [key, prompt, ...cells.map((cell) => (cell === null ? "" : cell[1] + cell[7]))].some((text) => text.toLowerCase().includes(wanted));
    shown = rows
      .map((_, place) => place)
      .filter((place) => {
        const row = rows[place];
        if (failed.checked && !(row[2] & FAILED)) return false;
        if (different.checked && !(row[2] & DIFFERENT)) return false;
        if (unpassed.checked && !row[3].some((cell) => cell?.[6].includes("0"))) return false;
        return wanted === "" || holds(row);
      });
    const rank = ORDERS[order.value];
    if (rank !== undefined) {
      const ranks = new Map(shown.map((place) => [place, rank(rows[place])]));
      shown.sort((one, other) => ranks.get(other) - ranks.get(one));
    }
    active = 0;
    grid.scrollTop = 0;
    table.setAttribute("aria-rowcount", String(shown.length + 1));
    count.textContent = `${shown.length.toLocaleString("en")} of ${rows.length.toLocaleString("en")} questions`;
    redraw();
  };

  const move = (to) => {
    active = Math.max(0, Math.min(shown.length - 1, to));
    const [top, headPx] = [active * ROW_PX, thead.offsetHeight];
    if (top < grid.scrollTop) grid.scrollTop = top;
    const bottom = top + ROW_PX + headPx + 40;
    if (bottom > grid.scrollTop + grid.clientHeight) grid.scrollTop = bottom - grid.clientHeight;
    redraw();
    focusActive();
  };
  const page = () => Math.max(1, Math.floor(grid.clientHeight / ROW_PX) - 1);
  const KEYS = {
    ArrowDown: () => move(active + 1),
    ArrowUp: () => move(active - 1),
    PageDown: () => move(active + page()),
    PageUp: () => move(active - page()),
    Home: () => move(0),
    End: () => move(shown.length - 1),
    Enter: () => open(shown[active]),
  };
  body.addEventListener("keydown", (event) => {
    const act = KEYS[event.key];
    if (act === undefined || event.target.closest("tr") === null) return;
    event.preventDefault();
    act();
  });
  body.addEventListener("click", (event) => {
    const row = event.target.closest("tr[data-number]");
    if (row === null || String(getSelection()) !== "") return;
    active = Number(row.dataset.number);
    open(shown[active]);
  });

  // What all say, and what only one says: sentences are alike where they share half of their words and all numbers.
  const sentences = (text) => text.split(/(?<=[.!?。！？])\s+|\n+/).map((each) => each.trim()).filter((each) => /[\p{L}\p{N}]/u.test(each)).slice(0, 100);
  const bag = (text) => new Set(text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []);
  const alike = (one, other) => {
    const numbers = (words) => [...words].filter((word) => /^\p{N}/u.test(word)).sort().join(" ");
    if (numbers(one) !== numbers(other)) return false;
    const both = [...one].filter((word) => other.has(word)).length;
    return both > 0 && both / (one.size + other.size - both) >= 0.5;
  };
  const statements = (cells) => {
    const groups = [];
    cells.forEach((cell, place) => {
      for (const text of cell === null ? [] : sentences(cell[1])) {
        const words = bag(text);
        const known = groups.find((group) => !group.places.has(place) && alike(group.words, words));
        if (known === undefined) groups.push({ text, words, places: new Set([place]) });
        else known.places.add(place);
      }
    });
    return groups;
  };
  const open = (place) => {
    if (place === undefined) return;
    const [key, prompt, , cells] = rows[place];
    const first = firstOf(cells);
    const close = make("button", "Close", { type: "button" });
    close.addEventListener("click", () => detail.close());
    detail.replaceChildren(make("h3", `Question ${key}`, { id: "detail-head" }), close, make("pre", prompt));
    cells.forEach((cell, column) => {
      detail.append(make("h4", columns[column]));
      if (cell === null) {
        detail.append(make("p", "It was not asked this."));
        return;
      }
      const [status, text, , , , , passed, note] = cell;
      detail.append(make("p", `${status} · ${figures(cell)}`));
      if (note !== "") detail.append(make("p", note, { class: "bad" }));
      if (text !== "") detail.append(written("pre", text, cell === first ? undefined : first?.[1]));
      const judged = checks.map((name, number) => [name, passed[number]]).filter(([, letter]) => letter !== "-");
      if (judged.length > 0) {
        const list = make("ul");
        for (const [name, letter] of judged) list.append(make("li", `${letter === "1" ? "passed" : "not passed"}: ${name}`, { class: letter === "1" ? "good" : "bad" }));
        detail.append(list);
      }
    });
    const answered = cells.filter((cell) => cell !== null && cell[1] !== "").length;
    const groups = answered > 1 ? statements(cells) : [];
    for (const [title, chosen] of [
      ["What all say", groups.filter(({ places }) => places.size === answered)],
      ["What only one says", groups.filter(({ places }) => places.size === 1)],
    ]) {
      if (chosen.length === 0) continue;
      const list = make("ul");
      for (const { text, places } of chosen) list.append(make("li", places.size === 1 ? `${columns[[...places][0]]}: ${text}` : text));
      detail.append(make("h4", title), list);
    }
    detail.showModal();
    close.focus();
  };
  detail.addEventListener("close", () => {
    redraw();
    focusActive();
  });

  let waiting = false;
  grid.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => {
      waiting = false;
      update();
    });
  });
  addEventListener("resize", redraw);
  addEventListener("beforeprint", () => {
    count.textContent += shown.length > MOST_PRINTED ? `; the first ${MOST_PRINTED} are printed` : "";
    body.replaceChildren(...shown.slice(0, MOST_PRINTED).map(rowOf));
  });
  addEventListener("afterprint", filter);
  form.addEventListener("input", filter);
  form.addEventListener("submit", (event) => event.preventDefault());
  filter();
})();
