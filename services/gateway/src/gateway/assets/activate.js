"use strict";
// The mail's link brings the address, never the code: addresses of pages end up in logs and histories.
const field = (id) => document.getElementById(id);
const form = field("activation");
const outcome = field("outcome");
field("email").value = new URLSearchParams(location.search).get("email") ?? "";

function tell(text) {
  outcome.textContent = text;
  outcome.focus();
}

function problemText(problem) {
  const fields = (problem.errors ?? [])
    .filter((error) => error.message !== problem.detail)
    .map((error) => `${error.field}: ${error.message}`);
  return [problem.detail, ...fields, problem.next].filter(Boolean).join(" ");
}

form.addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = form.querySelector("button");
  button.disabled = true;
  try {
    const answer = await fetch("/api/v1/activations", {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({
        email: field("email").value,
        code: field("code").value,
        password: field("password").value,
      }),
    });
    const said = await answer.json();
    if (answer.ok) {
      form.hidden = true;
      tell(said.message);
    } else {
      tell(problemText(said));
    }
  } catch {
    tell("The service cannot be reached just now. Nothing was changed: try again in a moment.");
  } finally {
    button.disabled = false;
  }
});
