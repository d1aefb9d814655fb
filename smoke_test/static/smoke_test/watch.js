// Repeats the smoke test while the switch is on, and never shows an old state as current.
"use strict";

// Milliseconds: between requests; for a complete response; until a state is old.
const INTERVAL = 5_000;
const TIMEOUT = 5_000;
const OLD = 30_000;

const KEPT_ANSWERS = 12;

const state = document.getElementById("state");
const toggle = document.getElementById("again");
const answers = document.getElementById("answers");
const announcement = document.getElementById("announcement");
const name = document.title.slice(document.title.indexOf(" - "));

let good = read(document); // the last ok response
let latest = good; // the result of the last request
let timer;
let current = null; // the request in flight

/** Return the state that a smoke test page shows, and when the page arrived. */
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
    return failure("Redirected", "The response is a redirect, which this page does not follow.");
  }
  if (!response.ok) {
    const sender = release
      ? `PetSage itself sent this, release ${release}: its log has the reason.`
      : "A proxy in front of PetSage sent this: is the app server up?";
    return failure(`HTTP ${response.status}`, sender);
  }
  if (!release || page.getElementById("state")?.dataset.state !== "ok") {
    return failure("Not PetSage", "Another service responds at this address.");
  }
  const answer = read(page);
  if (answer.stamp === good.stamp) {
    return failure("Not fresh", "The same response came again: a cache in front of PetSage sent it.");
  }
  return answer;
}

function noResponse(timedOut) {
  const late = `No response within ${TIMEOUT / 1000} seconds.`;
  const refused = "The connection failed: are the server and the network up?";
  return failure("No response", timedOut ? late : refused);
}

async function poll() {
  stop();
  const mine = (current = new AbortController());
  const limit = setTimeout(() => mine.abort(), TIMEOUT);
  const start = performance.now();
  const exchange = await fetchPage(mine.signal).catch(() => null);
  clearTimeout(limit);
  if (mine !== current) return;
  const took = performance.now() - start;
  const answer = exchange === null ? noResponse(mine.signal.aborted) : judge(...exchange);
  announce(answer);
  addToStrip(answer, answer.state === "ok" ? `, ${Math.round(took)} ms` : "");
  latest = answer;
  if (answer.state === "ok") {
    good = answer;
    showExchange(exchange[1]);
  }
  render();
  timer = setTimeout(poll, INTERVAL - took);
}

function stop() {
  clearTimeout(timer);
  current?.abort();
  current = null;
}

/** Announce only changes, because a screen reader reads the text aloud. */
function announce(answer) {
  if (answer.state === "failed") {
    announcement.textContent = `${answer.word}. ${answer.sentence}`;
  } else if (latest.state === "failed") {
    announcement.textContent = `OK again. Release ${answer.release} responds.`;
  } else if (answer.release !== good.release) {
    announcement.textContent = `Release ${answer.release} responds now, after ${good.release}.`;
  }
}

function showExchange(page) {
  // Keep the response to a button that the user pressed.
  if (document.getElementById("exchange").dataset.method !== "GET") return;
  const fresh = page.querySelector(".response-info").childNodes;
  document.querySelector(".response-info").replaceChildren(...fresh);
}

/** Return a release as nodes that wrap after its separators, not in the middle of a word. */
function breakable(release) {
  return release.split(/(?<=[._+-])/).flatMap((part) => [part, document.createElement("wbr")]);
}

function addToStrip(answer, took) {
  const item = document.getElementById("strip-answer").content.cloneNode(true);
  // A failure has no stamp, so add the time since the last ok response to that one's stamp.
  const failedAt = Date.parse(good.stamp) + answer.at - good.at;
  const stamp = answer.stamp ?? new Date(failedAt).toISOString();
  item.firstElementChild.dataset.state = answer.state;
  item.querySelector("time").textContent = stamp.slice(11, 19);
  item.querySelector("span").textContent = answer.word + took;
  const isNew = answer === good || (answer.state === "ok" && answer.release !== good.release);
  if (isNew) item.querySelector("b").replaceChildren(...breakable(answer.release));
  answers.prepend(item);
  while (answers.children.length > KEPT_ANSWERS) answers.lastElementChild.remove();
}

function render() {
  const old = Date.now() - latest.at > OLD;
  const parts = {
    ...good,
    word: old ? `${latest.word}?` : latest.word,
    sentence: old ? "This state is old. Reload the page, or turn the switch on." : latest.sentence,
    answered: latest.state === "ok" && !old ? "Answered" : "Last answered",
    age: age(Date.now() - good.at),
  };
  for (const part of state.querySelectorAll("[data-live]")) {
    const text = parts[part.dataset.live];
    if (part.textContent !== text) part.textContent = text;
  }
  state.querySelector("time").dateTime = good.stamp;
  state.dataset.state = old ? "old" : latest.state;
  document.title = parts.word + name;
}

function age(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  if (seconds < 10) return "";
  if (seconds < 60) return `, ${seconds} s ago`;
  if (seconds < 3600) return `, ${Math.floor(seconds / 60)} min ago`;
  return `, ${Math.floor(seconds / 3600)} h ago`;
}

function startOrStop() {
  if (toggle.checked && !document.hidden) poll();
  else stop();
}

toggle.addEventListener("change", () => {
  // #watch turns the switch on at load, so a wall screen resumes after a power cut.
  history.replaceState(null, "", toggle.checked ? "#watch" : location.pathname + location.search);
  startOrStop();
});
document.addEventListener("visibilitychange", startOrStop);

document.getElementById("watching").hidden = false;
addToStrip(good, "");
setInterval(render, 1_000);
toggle.checked = location.hash === "#watch";
if (toggle.checked && !document.hidden) timer = setTimeout(poll, INTERVAL);
