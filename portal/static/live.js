// Keeps an open page true: puts in the parts that the server says have changed, and lets "2 min ago" grow older.
(function () {
  "use strict";
  var body = document.body, address = body.dataset.events;
  var words = JSON.parse(body.dataset.words), skew = Date.parse(body.dataset.now) - Date.now();
  var live = document.getElementById("live"), asOf = document.getElementById("as-of");
  var QUIET = 40000, heard = Date.now(), source = null;

  function ago(seconds) { // the same rule as Words.ago at the server
    if (seconds < 5) return words.now;
    if (seconds < 60) return Math.floor(seconds) + "\u00a0" + words.s;
    if (seconds < 3600) return Math.floor(seconds / 60) + "\u00a0" + words.m;
    if (seconds < 172800) return Math.floor(seconds / 3600) + "\u00a0" + words.h;
    if (seconds < 2592000) return Math.floor(seconds / 86400) + "\u00a0" + words.d;
    return null;
  }

  function age() {
    var now = Date.now() + skew;
    document.querySelectorAll("time").forEach(function (time) {
      var text = ago((now - Date.parse(time.dateTime)) / 1000);
      if (text !== null && text !== time.textContent) time.textContent = text;
    });
    show(Date.now() - heard < QUIET);
  }

  function show(well) {
    var text = well ? live.dataset.on : live.dataset.off;
    live.hidden = false;
    live.classList.toggle("off", !well);
    if (live.textContent !== text) live.textContent = text;
  }

  function put(id, html) {
    var old = document.getElementById(id), holder, fresh, focused;
    if (!old) {
      // A school that this page doesn't know yet: the page is asked for anew, unless a filter hides it.
      if (body.dataset.all && id.indexOf("school-") === 0) setTimeout(function () { location.reload(); }, 2000);
      return;
    }
    holder = document.createElement(old.tagName === "TBODY" ? "table" : "div");
    holder.innerHTML = html;
    fresh = holder.querySelector("#" + CSS.escape(id));
    if (!fresh) return;
    focused = old.contains(document.activeElement) && document.activeElement.getAttribute("href");
    old.replaceWith(fresh);
    if (old.tagName === "TBODY") fresh.classList.add("changed");
    if (focused) fresh.querySelectorAll("a").forEach(function (a) { if (a.getAttribute("href") === focused) a.focus(); });
  }

  function open() {
    source = new EventSource(address);
    source.onmessage = function (event) {
      var message = JSON.parse(event.data);
      heard = Date.now();
      Object.keys(message.pieces).forEach(function (id) { put(id, message.pieces[id]); });
      asOf.textContent = message.as_of;
      age();
    };
    source.addEventListener("over", function () { source.close(); location.reload(); });
    source.onerror = function () {
      if (source.readyState === EventSource.CLOSED) setTimeout(open, 15000);
    };
  }

  open();
  setInterval(age, 5000);
  age();
})();
