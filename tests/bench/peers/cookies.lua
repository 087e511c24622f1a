-- Asks with one cookie after the other, each a line of the file in COOKIES; for what is said to wrk.
local requests, at = {}, 0
function init()
  for cookie in io.lines(os.getenv("COOKIES")) do
    requests[#requests + 1] = wrk.format("GET", nil, { Cookie = cookie })
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
