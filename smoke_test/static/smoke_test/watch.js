// Asks the smoke test again while a person wants it, and never shows an old state as a new one.
"use strict";

// Milliseconds: from question to question; for a whole answer; until a state is old.
const EVERY = 5_000;
const PATIENCE = 5_000;
const OLD = 30_000;

const KEPT_ANSWERS = 12;

const state = document.getElementById("state");
const again = document.getElementById("again");
const answers = document.getElementById("answers");
const told = document.getElementById("told");
const name = document.title.slice(document.title.indexOf(" - "));

let good = read(document); // the last answer that was ok
let found = good; // what came of the last question
let timer;
let question = null;

/** Return what a page of the smoke test says, and when it came. */
function read(page) {
  const parts = page.querySelectorAll("#state [data-live]");
  const texts = Object.fromEntries([...parts].map((part) => [part.dataset.live, part.textContent]));
  const stamp = page.querySelector("#state time").dateTime;
  return { ...texts, stamp, state: "ok", at: Date.now() };
}

function failure(word, sentence) {
  return { word, sentence, state: "failed", at: Date.now() };
}

async function fetchPage(signal) {
  const response = await fetch(location.pathname + location.search, {
    headers: { Accept: "text/html" },
    cache: "no-store",
    redirect: "manual",
    signal,
  });
  return [response, new DOMParser().parseFromString(await response.text(), "text/html")];
}

function judge(response, page) {
  const release = response.headers.get("X-PetSage-Release");
  if (response.type === "opaqueredirect") {
    return failure("Redirected", "The answer leads to another address; it was not followed.");
  }
  if (!response.ok) {
    const whose = release
      ? `PetSage itself says so, release ${release}: its log has the reason.`
      : "Something in front of PetSage says so: is the app server up?";
    return failure(`HTTP ${response.status}`, whose);
  }
  if (!release || page.getElementById("state")?.dataset.state !== "ok") {
    return failure("Not PetSage", "Something else answers at this address.");
  }
  const answer = read(page);
  if (answer.stamp === good.stamp) {
    return failure("Not fresh", "The last answer came again: something in front keeps answers.");
  }
  return answer;
}

function silence(late) {
  const waited = `Nothing came within ${PATIENCE / 1000} seconds.`;
  const refused = "The connection failed: is the server up, and the network?";
  return failure("No answer", late ? waited : refused);
}

async function ask() {
  stop();
  const mine = (question = new AbortController());
  const limit = setTimeout(() => mine.abort(), PATIENCE);
  const start = performance.now();
  const came = await fetchPage(mine.signal).catch(() => null);
  clearTimeout(limit);
  if (mine !== question) return;
  const took = performance.now() - start;
  const answer = came === null ? silence(mine.signal.aborted) : judge(...came);
  announce(answer);
  addToStrip(answer, answer.state === "ok" ? `, ${Math.round(took)} ms` : "");
  found = answer;
  if (answer.state === "ok") {
    good = answer;
    showExchange(came[1]);
  }
  render();
  timer = setTimeout(ask, EVERY - took);
}

function stop() {
  clearTimeout(timer);
  question?.abort();
  question = null;
}

/** Say what changed, and only that: a screen reader reads it out. */
function announce(answer) {
  if (answer.state === "failed") {
    told.textContent = `${answer.word}. ${answer.sentence}`;
  } else if (found.state === "failed") {
    told.textContent = `OK again. Release ${answer.release} answers.`;
  } else if (answer.release !== good.release) {
    told.textContent = `Release ${answer.release} answers now, after ${good.release}.`;
  }
}

function showExchange(page) {
  // What a person asked for by a button stays.
  if (document.getElementById("exchange").dataset.method !== "GET") return;
  const fresh = page.querySelector(".response-info").childNodes;
  document.querySelector(".response-info").replaceChildren(...fresh);
}

function addToStrip(answer, took) {
  const item = document.getElementById("strip-answer").content.cloneNode(true);
  // A failure has no stamp: its time is the last one of the server's, and what has passed since.
  const then = Date.parse(good.stamp) + answer.at - good.at;
  const stamp = answer.stamp ?? new Date(then).toISOString();
  item.firstElementChild.dataset.state = answer.state;
  item.querySelector("time").textContent = stamp.slice(11, 19);
  item.querySelector("span").textContent = answer.word + took;
  const isNew = answer === good || (answer.state === "ok" && answer.release !== good.release);
  if (isNew) item.querySelector("b").textContent = answer.release;
  answers.prepend(item);
  while (answers.children.length > KEPT_ANSWERS) answers.lastElementChild.remove();
}

function render() {
  const old = Date.now() - found.at > OLD;
  const parts = {
    ...good,
    word: old ? `${found.word}?` : found.word,
    sentence: old ? "Nobody has asked since. Reload, or let it ask again." : found.sentence,
    answered: found.state === "ok" && !old ? "Answered" : "Last answered",
    age: age(Date.now() - good.at),
  };
  for (const part of state.querySelectorAll("[data-live]")) {
    const text = parts[part.dataset.live];
    if (part.textContent !== text) part.textContent = text;
  }
  state.querySelector("time").dateTime = good.stamp;
  state.dataset.state = old ? "old" : found.state;
  document.title = parts.word + name;
}

function age(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 10) return "";
  if (seconds < 60) return `, ${seconds} s ago`;
  if (seconds < 3600) return `, ${Math.floor(seconds / 60)} min ago`;
  return `, ${Math.floor(seconds / 3600)} h ago`;
}

function turn() {
  if (again.checked && !document.hidden) ask();
  else stop();
}

again.addEventListener("change", () => {
  // An address to keep: #watch asks from the start, as a wall needs it after a power cut.
  history.replaceState(null, "", again.checked ? "#watch" : location.pathname + location.search);
  turn();
});
document.addEventListener("visibilitychange", turn);

document.getElementById("watching").hidden = false;
addToStrip(good, "");
setInterval(render, 1_000);
again.checked = location.hash === "#watch";
if (again.checked && !document.hidden) timer = setTimeout(ask, EVERY);
