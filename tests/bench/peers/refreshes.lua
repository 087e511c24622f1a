-- Exchanges refresh tokens, each once: the successor in the answer is the next one to show. TOKENS has the first.
local tokens, first, last = {}, 1, 0
local headers = { ["Content-Type"] = "application/json" }
function init()
  for token in io.lines(os.getenv("TOKENS")) do
    last = last + 1
    tokens[last] = token
  end
end
function request()
  local token = tokens[first]
  tokens[first] = nil
  first = first + 1
  return wrk.format("POST", nil, headers, '{"refresh_token":"' .. token .. '"}')
end
function response(status, _, body)
  if status == 200 then
    last = last + 1
    tokens[last] = string.match(body, '"refresh_token":"([^"]+)"')
  end
end
