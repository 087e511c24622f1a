-- Asks with one token after the other. The file with the tokens is in the environment variable TOKENS.
local requests, at = {}, 0
function init()
  for token in io.lines(os.getenv("TOKENS")) do
    requests[#requests + 1] = wrk.format("GET", "/api/v1/cameras", { Authorization = "Bearer " .. token })
  end
end
function request()
  at = at % #requests + 1
  return requests[at]
end
