// The buttons for methods that plain HTML cannot send; they show the exchange on the same page.
"use strict";

const exchange = document.getElementById("exchange");

async function send(form) {
  const response = await fetch(form.action, {
    method: form.dataset.method,
    headers: { Accept: "text/html" },
  });
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const received = page.getElementById("exchange");
  if (received === null) throw new Error(`HTTP ${response.status}, not a PetSage page`);
  return received;
}

for (const form of document.querySelectorAll("form[data-method]")) {
  form.hidden = false;
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    exchange.dataset.method = form.dataset.method;
    try {
      exchange.replaceChildren(...(await send(form)).children);
    } catch (error) {
      const reason = `${form.dataset.method} failed: ${error.message}. Is the server up?`;
      exchange.querySelector(".response-info").textContent = reason;
    }
    exchange.querySelector(".response-info").focus();
  });
}
